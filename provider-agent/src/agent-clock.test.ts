import { FRAME } from '@infernet/schemas/frame'
import { receiptsSchema, decodeControl } from '@infernet/schemas/wire'
import { fromBase64Url, parseStatement } from '@infernet/schemas/receipt'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from './clock.ts'
import { demoModel } from './engines/model-file.ts'
import { TinyEngine } from './engines/tiny.ts'
import { SWEEP_INTERVAL_MS } from './limits.ts'
import { runAgent } from './testing/run-agent.ts'

const DAY = 24 * 60 * 60 * 1000
const hello = {
  model: 'infernet-demo',
  messages: [{ role: 'user', content: 'hello' }],
  stream: true,
}

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

describe('an agent whose clock is set', () => {
  it.each([
    ['forwards', DAY],
    ['back', -DAY],
  ])('a day %s goes on with its jobs and its connection', async (_, step) => {
    const wall = { set: 0 }
    const { now, monotonic } = systemClock
    const { session, events, stop } = await runAgent({
      engine: new TinyEngine([demoModel()], Date.now),
      slots: 4,
      clock: { now: () => now() + wall.set, monotonic },
      edge: { windowBytes: 300, pingIntervalMs: 2 * SWEEP_INTERVAL_MS },
    })
    stops.push(stop)
    session.give(1, hello)
    await session.until(() => session.of(1, FRAME.data)[0], 'data')
    wall.set = step
    // Each ping is sent by a look at all deadlines.
    const before = session.pings
    await session.until(() => session.pings >= before + 3 || undefined, 'pings')
    while (session.of(1, FRAME.end).length === 0) {
      const sent = session.bytesOn(1)
      session.credit(1, 300)
      await session.until(
        () => session.bytesOn(1) > sent || session.of(1, FRAME.end)[0] || undefined,
        'more',
      )
    }
    expect((await session.answer(1)).end?.finish_reason).not.toBe('error')
    expect(session.closed).toBeUndefined()
    expect(events.filter(({ event }) => event === 'disconnected')).toEqual([])
    const done = events.find((event) => event.event === 'job_done')
    expect(done?.duration_ms).toBeGreaterThanOrEqual(0)
    expect(done?.duration_ms).toBeLessThan(60_000)
    const frame = await session.until(() => session.of(0, FRAME.receipts)[0], 'receipts')
    const [first = ''] = decodeControl(receiptsSchema, frame.payload).statements
    const receipt = parseStatement(fromBase64Url(first))!
    expect(receipt.ended_at - receipt.started_at).toBe(done?.duration_ms)
  })
})
