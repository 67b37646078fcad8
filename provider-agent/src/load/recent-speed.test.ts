import { describe, expect, it } from 'vitest'
import { RecentSpeed } from './recent-speed.ts'

/** A stream of 101 tokens, whose first came after `ttftMs` and the others within `ms`. */
const stream = (ttftMs: number, ms: number) => ({
  header: { stream: true },
  state: 'ended' as const,
  usage: { prompt_tokens: 1, completion_tokens: 101 },
  ttftMs,
  startedAt: 5_000,
  endedAt: 5_000 + ttftMs + ms,
})

describe('the speed of late', () => {
  it('is that of the latest streams', () => {
    const speed = new RecentSpeed()
    expect(speed.figures).toEqual({})
    for (let i = 0; i < 50; i++) speed.finished(stream(9_999, 9_999))
    for (let i = 1; i <= 128; i++) speed.finished(stream(i, 10 * i))
    expect(speed.figures).toEqual({
      ttft_ms: { p50: 64, p90: 116, p99: 127 },
      // 100 tokens in 650 ms.
      tokens_per_second: 153.8,
    })
  })

  it('is not that of answers which tell nothing of it', () => {
    const speed = new RecentSpeed()
    speed.finished({ ...stream(5, 100), header: { stream: false } })
    speed.finished({ ...stream(5, 100), state: 'cancelled' })
    speed.finished({ ...stream(5, 100), ttftMs: undefined })
    expect(speed.figures).toEqual({})
    speed.finished({ ...stream(5, 100), usage: { prompt_tokens: 1, completion_tokens: 4 } })
    expect(speed.figures).toEqual({ ttft_ms: { p50: 5, p90: 5, p99: 5 } })
    const usage = { ...stream(5, 100).usage, estimated: true }
    speed.finished({ ...stream(5, 100), usage })
    expect(speed.figures).toEqual({ ttft_ms: { p50: 5, p90: 5, p99: 5 } })
  })
})
