import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FLUSH_BYTES, FrameMux, gatherMs } from './frame-mux.ts'
import { FRAME, FrameError, FRAME_HEADER_BYTES, readFrames } from './frame.ts'
import { MAX_DATA_BYTES, MAX_FRAMES_PER_MESSAGE } from './limits.ts'

const EMPTY = new Uint8Array()

/** A mux over a fake clock; frames are told apart by their channel. */
function newBench() {
  let now = 0
  let timers: { at: number; flush: () => void }[] = []
  const messages: number[][] = []
  /** When each channel's frame was sent. */
  const sentAt = new Map<number, number>()
  const mux = new FrameMux(
    (message) => {
      const channels: number[] = []
      readFrames(message, ({ channel }) => channels.push(channel))
      for (const channel of channels) sentAt.set(channel, now)
      messages.push(channels)
    },
    (flush, delayMs) => timers.push({ at: now + delayMs, flush }),
  )
  /** Ends the turn, and lets `ms` pass. */
  const advance = (ms = 0): void => {
    const end = now + ms
    for (;;) {
      const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      timers = timers.filter((timer) => timer !== due)
      now = due.at
      due.flush()
    }
    now = end
  }
  return { mux, messages, sentAt, advance, now: () => now }
}

describe('FrameMux', () => {
  it('puts the frames of one turn into one message, in order', () => {
    const { mux, messages, advance } = newBench()
    for (const channel of [3, 1, 2]) mux.write(FRAME.data, channel, Uint8Array.of(channel))
    expect(messages).toEqual([])
    advance()
    expect(messages).toEqual([[3, 1, 2]])
    mux.write(FRAME.data, 4, EMPTY)
    advance()
    expect(messages).toEqual([[3, 1, 2], [4]])
  })

  it('lets a lazy frame ride along with the next message', () => {
    const { mux, messages, advance } = newBench()
    mux.writeLazily(FRAME.accept, 1, EMPTY, 50)
    advance(20)
    mux.write(FRAME.data, 2, EMPTY)
    advance()
    expect(messages).toEqual([[1, 2]])
    advance(100)
    expect(messages).toEqual([[1, 2]])
  })

  it('sends a lazy frame alone when its delay is over', () => {
    const { mux, messages, advance } = newBench()
    mux.writeLazily(FRAME.accept, 1, EMPTY, 50)
    advance(49)
    expect(messages).toEqual([])
    advance(1)
    expect(messages).toEqual([[1]])
  })

  it('keeps the shorter of two delays', () => {
    const { mux, messages, advance } = newBench()
    mux.writeLazily(FRAME.accept, 1, EMPTY, 500)
    mux.writeLazily(FRAME.accept, 2, EMPTY, 10)
    advance(10)
    expect(messages).toEqual([[1, 2]])
  })

  it('sends at once what reaches the threshold, written lazily or not', () => {
    for (const delay of [0, 50]) {
      const { mux, messages } = newBench()
      mux.writeLazily(
        FRAME.data,
        1,
        new Uint8Array(FLUSH_BYTES - 2 * FRAME_HEADER_BYTES - 1),
        delay,
      )
      expect(messages).toEqual([])
      mux.writeLazily(FRAME.data, 2, Uint8Array.of(1), delay)
      expect(messages).toEqual([[1, 2]])
    }
  })

  it('never puts more frames into a message than a reader takes', () => {
    const { mux, messages, advance } = newBench()
    for (let channel = 0; channel <= MAX_FRAMES_PER_MESSAGE; channel++) {
      mux.write(FRAME.accept, channel, EMPTY)
    }
    advance()
    expect(messages.map((channels) => channels.length)).toEqual([MAX_FRAMES_PER_MESSAGE, 1])
  })

  it('refuses an oversized payload to its writer, and keeps the other frames', () => {
    const { mux, messages, advance } = newBench()
    mux.write(FRAME.data, 1, EMPTY)
    expect(() => mux.write(FRAME.data, 2, new Uint8Array(MAX_DATA_BYTES + 1))).toThrow(FrameError)
    mux.write(FRAME.data, 3, EMPTY)
    advance()
    expect(messages).toEqual([[1, 3]])
  })

  it('sends each frame at once on a host without timers', () => {
    const messages: Uint8Array[] = []
    const mux = new FrameMux(
      (message) => messages.push(message),
      (flush) => flush(),
    )
    mux.write(FRAME.data, 1, EMPTY)
    mux.writeLazily(FRAME.accept, 2, EMPTY, 50)
    mux.write(FRAME.data, 3, EMPTY)
    expect(messages).toHaveLength(3)
  })

  it('sends nothing when nothing is pending', () => {
    const { mux, messages } = newBench()
    mux.flush()
    expect(messages).toEqual([])
  })

  it('loses, repeats, reorders and delays nothing, whatever is interleaved', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('write' as const), size: fc.nat(FLUSH_BYTES) }),
      fc.record({
        do: fc.constant('lazily' as const),
        size: fc.nat(40),
        delayMs: fc.nat(30),
      }),
      fc.record({ do: fc.constant('advance' as const), ms: fc.nat(20) }),
      fc.record({ do: fc.constant('flush' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { mux, messages, sentAt, advance, now } = newBench()
        const deadlines: number[] = []
        for (const step of steps) {
          const channel = deadlines.length
          if (step.do === 'write') {
            deadlines.push(now())
            mux.write(FRAME.data, channel, new Uint8Array(step.size))
          } else if (step.do === 'lazily') {
            deadlines.push(now() + step.delayMs)
            mux.writeLazily(FRAME.data, channel, new Uint8Array(step.size), step.delayMs)
          } else if (step.do === 'advance') advance(step.ms)
          else mux.flush()
        }
        advance(100)
        expect(messages.flat()).toEqual([...deadlines.keys()])
        expect(messages).not.toContainEqual([])
        for (const [channel, deadline] of deadlines.entries()) {
          expect(sentAt.get(channel)).toBeLessThanOrEqual(deadline)
        }
      }),
    )
  })
})

describe('gathering', () => {
  it('costs nobody a millisecond but those in a crowd', () => {
    expect([1, 4, 5, 1000].map(gatherMs)).toEqual([0, 0, 1, 1])
  })
})
