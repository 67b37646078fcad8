import { FRAME } from '@infernet/schemas/frame'
import { busySchema, decodeControl } from '@infernet/schemas/wire'
import { expect, it } from 'vitest'
import { demoModel } from './engines/model-file.ts'
import { TinyEngine } from './engines/tiny.ts'
import { jobBytes } from './jobs/job-memory.ts'
import { MemoryBudget } from './jobs/memory-budget.ts'
import { runAgent } from './testing/run-agent.ts'

const hello = {
  model: 'infernet-demo',
  messages: [{ role: 'user', content: 'hello' }],
  stream: true,
}
const large = { ...hello, user: 'x'.repeat(200_000) }

it('an agent takes no jobs that its memory has no room for, and goes on with the others', async () => {
  const memory = new MemoryBudget(2 * jobBytes(200_300))
  const { session, events, stop } = await runAgent({
    engine: new TinyEngine([demoModel()], Date.now),
    slots: 100,
    memory,
    edge: { windowBytes: 2_000 },
  })
  try {
    session.give(1, large)
    await session.until(() => session.of(1, FRAME.data)[0], 'data')
    session.give(2, large)
    const refused = await session.until(() => session.of(2, FRAME.busy)[0], 'refusal')
    expect(decodeControl(busySchema, refused.payload).reason).toBe('slots')
    expect(events.filter(({ event }) => event === 'job_busy')).toMatchObject([{ reason: 'memory' }])
    session.give(3, hello, { max_output_tokens: 1 })
    expect((await session.answer(3)).end).toBeDefined()
    session.cancel(1)
    await session.answer(1)
    expect(memory.heldBytes).toBe(0)
    session.give(4, large, { max_output_tokens: 1 })
    expect((await session.answer(4)).end).toBeDefined()
    expect(memory.heldBytes).toBe(0)
  } finally {
    await stop()
  }
})
