import { readFileSync } from 'node:fs'
import { FRAME } from '@infernet/schemas/frame'
import { busySchema, decodeControl } from '@infernet/schemas/wire'
import { afterEach, describe, expect, it } from 'vitest'
import type { Role } from './capability.ts'
import { systemClock } from './clock.ts'
import type { Engine } from './engines/engine.ts'
import { LlamaCppEngine } from './engines/llama-cpp/llama-cpp.ts'
import { ManagedEngine } from './engines/managed/managed.ts'
import { demoModel } from './engines/model-file.ts'
import { Availability } from './hardware/availability.ts'
import type { CommandRunner } from './hardware/command-runner.ts'
import { GpuWatch } from './hardware/gpu-watch.ts'
import { REST_AFTER_MS, WAKE_AFTER_MS } from './hardware/rest-rule.ts'
import { isBuilt, llamaServerBinary } from './testing/llama-server.ts'
import { processesWith } from './testing/processes.ts'
import { runAgent } from './testing/run-agent.ts'

/** Of the machine: a model may have to be loaded on a busy one. */
const SOON_MS = 50_000
const { path } = demoModel()

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

interface World {
  readonly engine: Engine
  readonly model: string
  readonly role?: Role
  readonly keepsLoaded?: boolean
}

/** An agent beside whose engine somebody may play, and whose clock can be put forward. */
async function world({ engine, model, role, keepsLoaded = false }: World) {
  const gpu = { busy: 0 }
  const run: CommandRunner = async (_, [query = '']) => {
    const fields = query.replace('--query-gpu=', '').split(',')
    const cells = fields.map((field) => (field === 'utilization.gpu' ? gpu.busy : 'x'))
    return { code: 0, stdout: cells.join(', '), stderr: '' }
  }
  const watch = new GpuWatch({ run, limits: { pauseWhenBusy: true }, intervalMs: 20 })
  const time = { skippedMs: 0 }
  const { now, monotonic } = systemClock
  const { session, events, stop } = await runAgent({
    engine,
    slots: 4,
    availability: new Availability({ watch, keepsLoaded }),
    clock: { now, monotonic: () => monotonic() + time.skippedMs },
    edge: { pingIntervalMs: 3_600_000 },
    ...(role === undefined ? {} : { role }),
  })
  stops.push(stop)
  const told = () =>
    events.map(({ event }) => event).filter((name) => /^(paus|resum|rest|wak)/.test(name))
  const isTold = (name: string) => expect.poll(told, { timeout: SOON_MS }).toContain(name)
  const skip = (ms: number): void => void (time.skippedMs += ms)
  const offered = (count: number) =>
    session.until(() => session.capability?.models.length === count || undefined, 'offer', SOON_MS)
  const messages = [{ role: 'user', content: 'What is Infernet?' }]
  const give = (channel: number, more: object = {}) =>
    session.give(
      channel,
      { model, messages, stream: true, ...more },
      { model, max_output_tokens: 900 },
    )
  return { session, gpu, told, isTold, skip, offered, give }
}

/** What is the same for every engine that can rest. */
function restTests(make: () => { engine: Engine; model: string; processes: () => number }): void {
  it('is ended while somebody plays, and answers again after that', async () => {
    const { engine, model, processes } = make()
    const { session, gpu, told, isTold, skip, offered, give } = await world({ engine, model })
    await offered(1)
    expect(processes()).toBeGreaterThan(0)
    give(1)
    const before = await session.answer(1)
    gpu.busy = 99
    await offered(0)
    expect(told()).toEqual(['paused'])
    skip(REST_AFTER_MS)
    await isTold('resting')
    await expect.poll(processes, { timeout: SOON_MS }).toBe(0)
    give(3)
    const busy = await session.until(() => session.of(3, FRAME.busy)[0], 'refusal')
    expect(decodeControl(busySchema, busy.payload).reason).toBe('model_unavailable')
    gpu.busy = 0
    await isTold('resumed')
    expect(processes()).toBe(0)
    skip(WAKE_AFTER_MS)
    await offered(1)
    expect(told()).toEqual(['paused', 'resting', 'resumed', 'waking'])
    give(5)
    const after = await session.answer(5)
    expect(after.end?.usage.completion_tokens).toBe(before.end?.usage.completion_tokens)
    expect(session.closed).toBeUndefined()
  })
}

/** Processes of embedded engines that are ours. */
function ownChildren(): number {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
  return children.trim() === '' ? 0 : children.trim().split(' ').length
}

const embedded = () => {
  const model = `rest-${process.pid}`
  return {
    engine: new LlamaCppEngine({ files: [{ id: model, path }], slots: 2, gpu: false }, Date.now),
    model,
  }
}

describe('an embedded engine', () => {
  restTests(() => ({ ...embedded(), processes: ownChildren }))

  it('finishes its job before it is ended', async () => {
    const { engine, model } = embedded()
    const { session, gpu, isTold, skip, give } = await world({ engine, model })
    // The demo model's end of text, so that an answer goes on until its context is full.
    give(1, { logit_bias: { 1022: -100 } })
    await session.until(() => session.of(1, FRAME.data)[0], 'data')
    gpu.busy = 99
    skip(REST_AFTER_MS)
    expect((await session.answer(1)).end).toBeDefined()
    // Our own job says nothing of others; behind it they are seen.
    await isTold('paused')
    skip(REST_AFTER_MS)
    await isTold('resting')
  })

  it('stays loaded for an owner who wants it so', async () => {
    const { engine, model } = embedded()
    const { gpu, told, isTold, skip, offered, give, session } = await world({
      engine,
      model,
      keepsLoaded: true,
    })
    gpu.busy = 99
    await offered(0)
    skip(REST_AFTER_MS)
    gpu.busy = 0
    await isTold('resumed')
    await offered(1)
    expect(told()).toEqual(['paused', 'resumed'])
    give(1)
    expect((await session.answer(1)).end).toBeDefined()
  })

  it('of a verifier rests too, and scores again after that', async () => {
    const { engine, model } = embedded()
    const { session, gpu, isTold, skip, offered } = await world({ engine, model, role: 'verifier' })
    const order = { model, prompt: [1, 2, 3], output: [4, 5, 6] }
    await offered(1)
    gpu.busy = 99
    await isTold('paused')
    skip(REST_AFTER_MS)
    await isTold('resting')
    expect(await session.askScore({ id: 1, ...order })).toMatchObject({
      error: 'llama.cpp rests',
    })
    gpu.busy = 0
    await isTold('resumed')
    skip(WAKE_AFTER_MS)
    await offered(1)
    expect(await session.askScore({ id: 2, ...order })).toMatchObject({ positions: { length: 3 } })
  })
})

describe.skipIf(!isBuilt(llamaServerBinary()))(
  'a llama-server of the agent’s own (needs it: node scripts/bootstrap.mjs llama-server)',
  () => {
    restTests(() => {
      const model = `rest-${process.pid}`
      const engine = new ManagedEngine({
        kind: 'llama-server',
        program: llamaServerBinary().path,
        models: [{ id: model, path }],
        slots: 2,
        threads: 1,
        gpu: false,
        extra: [],
        checksMemory: true,
      })
      return { engine, model, processes: () => processesWith(model).length }
    })
  },
)
