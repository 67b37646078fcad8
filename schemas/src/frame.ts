import {
  MAX_AUDIT_BYTES,
  MAX_CONTROL_BYTES,
  MAX_DATA_BYTES,
  MAX_FRAMES_PER_MESSAGE,
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_RECEIPTS_BYTES,
  MAX_RENDERED_BYTES,
} from './limits.ts'

/**
 * Binary framing of wire protocol v1. A message is one or more frames:
 *
 *     u8 type | u24 payload length | u32 channel | payload        (big-endian)
 *
 * Channel 0 is the connection itself; every lease gets the next channel of its connection, so a
 * provider cannot even name another provider's job. Tokens travel as finished SSE bytes in `data`
 * frames and are never wrapped in JSON.
 */
export const FRAME = {
  challenge: 1,
  hello: 2,
  welcome: 3,
  capability: 4,
  load: 5,
  job: 6,
  accept: 7,
  busy: 8,
  head: 9,
  data: 10,
  end: 11,
  error: 12,
  cancel: 13,
  credit: 14,
  drain: 15,
  receipts: 16,
  receiptAck: 17,
  invoiceRequest: 18,
  invoice: 19,
  openRequest: 20,
  opening: 21,
  score: 22,
  scored: 23,
  render: 24,
  rendered: 25,
} as const

export type FrameName = keyof typeof FRAME
export type FrameType = (typeof FRAME)[FrameName]

export const CONNECTION_CHANNEL = 0
export const FRAME_HEADER_BYTES = 8

/** Keep-alive is a text message, so that a hibernating Durable Object answers it without waking. */
export const PING_TEXT = 'ping'
export const PONG_TEXT = 'pong'

const CREDIT_BYTES = 4

/** Largest payload per type; a type that is absent is unknown. */
const MAX_PAYLOAD: ReadonlyMap<number, number> = new Map<FrameType, number>([
  [FRAME.challenge, MAX_CONTROL_BYTES],
  [FRAME.hello, MAX_CONTROL_BYTES],
  [FRAME.welcome, MAX_CONTROL_BYTES],
  [FRAME.capability, MAX_CONTROL_BYTES],
  [FRAME.load, MAX_CONTROL_BYTES],
  [FRAME.job, MAX_FRAME_PAYLOAD_BYTES],
  [FRAME.accept, 0],
  [FRAME.busy, MAX_CONTROL_BYTES],
  [FRAME.head, MAX_CONTROL_BYTES],
  [FRAME.data, MAX_DATA_BYTES],
  [FRAME.end, MAX_CONTROL_BYTES],
  [FRAME.error, MAX_CONTROL_BYTES],
  [FRAME.cancel, MAX_CONTROL_BYTES],
  [FRAME.credit, CREDIT_BYTES],
  [FRAME.drain, MAX_CONTROL_BYTES],
  [FRAME.receipts, MAX_RECEIPTS_BYTES],
  [FRAME.receiptAck, MAX_CONTROL_BYTES],
  [FRAME.invoiceRequest, MAX_CONTROL_BYTES],
  [FRAME.invoice, MAX_CONTROL_BYTES],
  [FRAME.openRequest, MAX_CONTROL_BYTES],
  [FRAME.opening, MAX_AUDIT_BYTES],
  [FRAME.score, MAX_AUDIT_BYTES],
  [FRAME.scored, MAX_AUDIT_BYTES],
  [FRAME.render, MAX_FRAME_PAYLOAD_BYTES],
  [FRAME.rendered, MAX_RENDERED_BYTES],
])

export type FrameErrorCode =
  | 'truncated'
  | 'oversized'
  | 'unknown_type'
  | 'too_many_frames'
  | 'empty'

export class FrameError extends Error {
  override readonly name = 'FrameError'
  readonly code: FrameErrorCode
  constructor(code: FrameErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

export interface Frame {
  readonly type: FrameType
  readonly channel: number
  /** A view into the message; copy it before keeping it. */
  readonly payload: Uint8Array
}

/** Bytes that {@link writeFrame} needs for a payload. */
export const frameBytes = (payload: Uint8Array): number => FRAME_HEADER_BYTES + payload.length

/** Throws {@link FrameError} for an unknown type, or a payload over its type's limit. */
export function assertPayload(type: number, length: number): void {
  const limit = MAX_PAYLOAD.get(type)
  if (limit === undefined) throw new FrameError('unknown_type', `unknown frame type ${type}`)
  if (length > limit) {
    throw new FrameError('oversized', `frame type ${type} with ${length} bytes, limit ${limit}`)
  }
}

/** Writes one frame at `offset` and returns the offset behind it. Throws {@link FrameError}. */
export function writeFrame(
  target: Uint8Array,
  offset: number,
  type: FrameType,
  channel: number,
  payload: Uint8Array,
): number {
  const length = payload.length
  assertPayload(type, length)
  target[offset] = type
  target[offset + 1] = length >>> 16
  target[offset + 2] = length >>> 8
  target[offset + 3] = length
  target[offset + 4] = channel >>> 24
  target[offset + 5] = channel >>> 16
  target[offset + 6] = channel >>> 8
  target[offset + 7] = channel
  target.set(payload, offset + FRAME_HEADER_BYTES)
  return offset + FRAME_HEADER_BYTES + length
}

/** One frame as a message of its own. Throws {@link FrameError}. */
export function encodeFrame(
  type: FrameType,
  channel: number,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(frameBytes(payload))
  writeFrame(message, 0, type, channel, payload)
  return message
}

/**
 * Splits a message into frames, calling `visit` for each in order. The whole message is checked
 * before the first call, so a malformed message has no effect at all. Throws {@link FrameError}.
 */
export function readFrames(message: Uint8Array, visit: (frame: Frame) => void): void {
  if (message.length === 0) throw new FrameError('empty', 'a message must carry a frame')
  if (message.length > MAX_MESSAGE_BYTES) {
    throw new FrameError('oversized', `message of ${message.length} bytes`)
  }
  let count = 0
  for (let at = 0; at < message.length; at = checkFrame(message, at)) {
    if (++count > MAX_FRAMES_PER_MESSAGE) {
      throw new FrameError('too_many_frames', `more than ${MAX_FRAMES_PER_MESSAGE} frames`)
    }
  }
  for (let at = 0; at < message.length;) {
    const end = at + FRAME_HEADER_BYTES + payloadLength(message, at)
    visit({
      type: message[at] as FrameType,
      channel: readU32(message, at + 4),
      payload: message.subarray(at + FRAME_HEADER_BYTES, end),
    })
    at = end
  }
}

/** Returns the offset behind the frame at `at`. Throws {@link FrameError}. */
function checkFrame(message: Uint8Array, at: number): number {
  if (at + FRAME_HEADER_BYTES > message.length) {
    throw new FrameError('truncated', 'message ends inside a frame header')
  }
  const length = payloadLength(message, at)
  assertPayload(message[at] ?? 0, length)
  const end = at + FRAME_HEADER_BYTES + length
  if (end > message.length) throw new FrameError('truncated', 'message ends inside a frame payload')
  return end
}

const payloadLength = (bytes: Uint8Array, at: number): number =>
  ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)

/** Big-endian u32 at `at`. */
export const readU32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)) >>>
  0

/** Payload of a `credit` frame: bytes of the job's window that are free again. */
export const encodeCredit = (bytes: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.of(bytes >>> 24, bytes >>> 16, bytes >>> 8, bytes)
