import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  encodeCredit,
  encodeFrame,
  FRAME,
  FRAME_HEADER_BYTES,
  FrameError,
  frameBytes,
  readFrames,
  readU32,
  writeFrame,
  type FrameErrorCode,
  type FrameType,
} from './frame.ts'
import {
  MAX_AUDIT_BYTES,
  MAX_CONTROL_BYTES,
  MAX_DATA_BYTES,
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_FRAMES_PER_MESSAGE,
  MAX_MESSAGE_BYTES,
  MAX_RECEIPTS_BYTES,
  MAX_RENDERED_BYTES,
} from './limits.ts'

interface TestFrame {
  type: FrameType
  channel: number
  payload: Uint8Array
}

const EMPTY = new Uint8Array()
const MAX_U32 = 0xffff_ffff

/** What the protocol promises; a change here is a change of the protocol. */
const LIMITS: Record<keyof typeof FRAME, number> = {
  challenge: MAX_CONTROL_BYTES,
  hello: MAX_CONTROL_BYTES,
  welcome: MAX_CONTROL_BYTES,
  capability: MAX_CONTROL_BYTES,
  load: MAX_CONTROL_BYTES,
  job: MAX_FRAME_PAYLOAD_BYTES,
  accept: 0,
  busy: MAX_CONTROL_BYTES,
  head: MAX_CONTROL_BYTES,
  data: MAX_DATA_BYTES,
  end: MAX_CONTROL_BYTES,
  error: MAX_CONTROL_BYTES,
  cancel: MAX_CONTROL_BYTES,
  credit: 4,
  drain: MAX_CONTROL_BYTES,
  receipts: MAX_RECEIPTS_BYTES,
  receiptAck: MAX_CONTROL_BYTES,
  invoiceRequest: MAX_CONTROL_BYTES,
  invoice: MAX_CONTROL_BYTES,
  openRequest: MAX_CONTROL_BYTES,
  opening: MAX_AUDIT_BYTES,
  score: MAX_AUDIT_BYTES,
  scored: MAX_AUDIT_BYTES,
  render: MAX_FRAME_PAYLOAD_BYTES,
  rendered: MAX_RENDERED_BYTES,
}
const TYPES = Object.entries(LIMITS).map(([name, limit]) => ({
  name,
  type: FRAME[name as keyof typeof FRAME],
  limit,
}))

const anyFrame: fc.Arbitrary<TestFrame> = fc
  .record({ type: fc.constantFrom(...TYPES), channel: fc.nat(MAX_U32) })
  .chain(({ type: { type, limit }, channel }) =>
    fc.record({
      type: fc.constant(type),
      channel: fc.constant(channel),
      payload: fc.uint8Array({ maxLength: Math.min(limit, 300) }),
    }),
  )
const anyFrames = fc.array(anyFrame, { minLength: 1, maxLength: 20 })

function messageOf(frames: readonly TestFrame[]): { message: Uint8Array; ends: number[] } {
  const size = frames.reduce((sum, { payload }) => sum + frameBytes(payload), 0)
  const message = new Uint8Array(size)
  let end = 0
  const ends = frames.map(({ type, channel, payload }) => {
    end = writeFrame(message, end, type, channel, payload)
    return end
  })
  return { message, ends }
}

function framesOf(message: Uint8Array): TestFrame[] {
  const frames: TestFrame[] = []
  readFrames(message, (frame) => frames.push({ ...frame, payload: frame.payload.slice() }))
  return frames
}

/** A frame header with nothing checked. */
const header = (type: number, length: number): Uint8Array =>
  Uint8Array.of(type, length >>> 16, length >>> 8, length, 0, 0, 0, 0)

/** Reads a message that must have no effect at all. */
function expectRefusal(message: Uint8Array, code?: FrameErrorCode): void {
  let visits = 0
  try {
    readFrames(message, () => visits++)
    expect.unreachable('the message was accepted')
  } catch (error) {
    expect(error).toBeInstanceOf(FrameError)
    if (code !== undefined) expect((error as FrameError).code).toBe(code)
  }
  expect(visits).toBe(0)
}

describe('frames', () => {
  it('are read as they were written, many to a message', () => {
    fc.assert(
      fc.property(anyFrames, (frames) => {
        const { message, ends } = messageOf(frames)
        expect(ends.at(-1)).toBe(message.length)
        expect(framesOf(message)).toEqual(frames)
      }),
    )
  })

  it('have the documented bytes', () => {
    const bytes = encodeFrame(FRAME.data, 0x01020304, Uint8Array.of(0xaa, 0xbb))
    expect([...bytes]).toEqual([10, 0, 0, 2, 1, 2, 3, 4, 0xaa, 0xbb])
  })

  it('are views into the message', () => {
    const message = encodeFrame(FRAME.data, 1, Uint8Array.of(1, 2, 3))
    readFrames(message, ({ payload }) => {
      expect(payload.buffer).toBe(message.buffer)
      expect(payload.byteOffset).toBe(FRAME_HEADER_BYTES)
    })
  })

  it('are read from the middle of a larger buffer', () => {
    const inner = encodeFrame(FRAME.load, 7, Uint8Array.of(9))
    const outer = new Uint8Array(inner.length + 6).fill(0xff)
    outer.set(inner, 3)
    expect(framesOf(outer.subarray(3, 3 + inner.length))).toEqual([
      { type: FRAME.load, channel: 7, payload: Uint8Array.of(9) },
    ])
  })

  it('cut anywhere but between two frames are refused, with no effect', () => {
    fc.assert(
      fc.property(anyFrames, (frames) => {
        const { message, ends } = messageOf(frames)
        for (let cut = 0; cut < message.length; cut++) {
          const whole = ends.indexOf(cut) + 1
          if (whole > 0) expect(framesOf(message.subarray(0, cut))).toEqual(frames.slice(0, whole))
          else expectRefusal(message.subarray(0, cut), cut === 0 ? 'empty' : 'truncated')
        }
      }),
      { numRuns: 30 },
    )
  })

  it('from random bytes are either refused with no effect or cover every byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (bytes) => {
        let read = 0
        try {
          readFrames(bytes, ({ payload }) => (read += frameBytes(payload)))
          expect(read).toBe(bytes.length)
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError)
          expect(read).toBe(0)
        }
      }),
    )
  })

  it('of an unknown type are refused, wherever they stand', () => {
    const known = new Set<number>(Object.values(FRAME))
    const good = encodeFrame(FRAME.accept, 1, EMPTY)
    for (let type = 0; type < 256; type++) {
      if (known.has(type)) continue
      expectRefusal(header(type, 0), 'unknown_type')
      expectRefusal(Uint8Array.from([...good, ...header(type, 0)]), 'unknown_type')
      expect(() => encodeFrame(type as FrameType, 0, EMPTY)).toThrow(FrameError)
    }
  })

  it.each(TYPES)('of type $name carry $limit bytes and not one more', ({ type, limit }) => {
    const largest = encodeFrame(type, 1, new Uint8Array(limit))
    let length = -1
    readFrames(largest, ({ payload }) => (length = payload.length))
    expect(length).toBe(limit)

    const tooLong = new Uint8Array(FRAME_HEADER_BYTES + limit + 1)
    tooLong.set(header(type, limit + 1))
    expectRefusal(tooLong, 'oversized')
    expect(() => encodeFrame(type, 1, new Uint8Array(limit + 1))).toThrow(
      expect.objectContaining({ code: 'oversized' }),
    )
  })

  it('claiming a huge payload are refused by their header alone', () => {
    expectRefusal(header(FRAME.data, 0xff_ffff), 'oversized')
  })

  it('come in limited number to a message', () => {
    const most = new Uint8Array(MAX_FRAMES_PER_MESSAGE * FRAME_HEADER_BYTES)
    for (let at = 0; at < most.length;) at = writeFrame(most, at, FRAME.accept, at, EMPTY)
    expect(framesOf(most)).toHaveLength(MAX_FRAMES_PER_MESSAGE)
    const more = Uint8Array.from([...most, ...encodeFrame(FRAME.accept, 1, EMPTY)])
    expectRefusal(more, 'too_many_frames')
  })

  it('come in a message of limited size that has at least one', () => {
    expectRefusal(EMPTY, 'empty')
    expectRefusal(new Uint8Array(MAX_MESSAGE_BYTES + 1), 'oversized')
  })
})

describe('credit', () => {
  it('is any u32, big-endian', () => {
    fc.assert(
      fc.property(fc.nat(MAX_U32), (bytes) => {
        expect(readU32(encodeCredit(bytes), 0)).toBe(bytes)
      }),
    )
    expect([...encodeCredit(0x01020304)]).toEqual([1, 2, 3, 4])
  })
})
