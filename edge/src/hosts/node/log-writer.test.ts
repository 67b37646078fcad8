import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LogWriter } from './log-writer.ts'

/** A stream whose reader takes nothing while it is `stuck`. */
function output() {
  const writes: string[] = []
  let resume: (() => void) | undefined
  const state = { stuck: false }
  const stream = new Writable({
    write(chunk, _, done) {
      writes.push(String(chunk))
      if (state.stuck) resume = done
      else done()
    },
  })
  const lines = () =>
    writes
      .join('')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { stream, state, writes, lines, resume: () => resume?.() }
}

describe('the log', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  it('gathers lines for a moment and writes them in one piece', () => {
    const { stream, writes, lines } = output()
    const writer = new LogWriter(stream)
    writer.log('a', { n: 1 })
    writer.log('b', { text: 'two\nlines', none: undefined })
    expect(writes).toHaveLength(0)
    vi.advanceTimersByTime(50)
    expect(writes).toHaveLength(1)
    expect(lines()).toMatchObject([
      { event: 'a', n: 1, time: expect.any(String) },
      { event: 'b', text: 'two\nlines' },
    ])
  })

  it('writes early when much has gathered', () => {
    const { stream, writes } = output()
    new LogWriter(stream).log('big', { text: 'x'.repeat(100_000) })
    expect(writes).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('drops lines that nobody reads, and says how many', async () => {
    const { stream, state, lines, resume } = output()
    const writer = new LogWriter(stream)
    state.stuck = true
    for (let i = 0; i < 30; i++) writer.log('big', { text: 'x'.repeat(1024 * 1024) })
    expect(stream.writableLength).toBeLessThan(10 * 1024 * 1024)
    state.stuck = false
    resume()
    await expect.poll(() => stream.writableLength).toBe(0)
    writer.log('small', {})
    writer.flush()
    const written = lines()
    const big = written.filter(({ event }) => event === 'big').length
    expect(written.at(-1)).toEqual({ event: 'log_lines_dropped', count: 30 - big })
  })
})
