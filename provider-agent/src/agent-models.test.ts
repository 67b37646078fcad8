import { FRAME } from '@infernet/schemas/frame'
import { busySchema, decodeControl } from '@infernet/schemas/wire'
import { afterEach, expect, it } from 'vitest'
import { LlamaCppEngine } from './engines/llama-cpp/llama-cpp.ts'
import { demoModel } from './engines/model-file.ts'
import { runAgent } from './testing/run-agent.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

it('gives each model the slots of its own process, and takes no more into one that is full', async () => {
  const { path } = demoModel()
  const files = ['a', 'b'].map((id) => ({ id, path }))
  const engine = new LlamaCppEngine({ files, slots: 2, gpu: false }, Date.now)
  const { session, stop } = await runAgent({ engine })
  stops.push(stop)
  expect(session.capability?.slots).toBe(4)
  // The demo model's end of text, so that an answer goes on until its context is full.
  const logit_bias = { 1022: -100 }
  const messages = [{ role: 'user', content: 'What is Infernet?' }]
  const give = (channel: number, model: string) =>
    session.give(
      channel,
      { model, messages, logit_bias, stream: true },
      { model, max_output_tokens: 900 },
    )
  const isTaken = (channel: number) => session.of(channel, FRAME.accept)[0]
  give(2, 'a')
  give(4, 'a')
  give(6, 'a')
  const busy = await session.until(() => session.of(6, FRAME.busy)[0], 'refusal')
  expect(decodeControl(busySchema, busy.payload).reason).toBe('slots')
  give(8, 'b')
  give(10, 'b')
  for (const channel of [2, 4, 8, 10]) await session.until(() => isTaken(channel), 'job')
})
