import { MAX_EVENT_BYTES } from './sse-decoder.ts'

/** Why a stream cannot go on: bytes that are not our dialect, or an event without an end. */
export type StreamFault = 'malformed_event' | 'event_too_large'

/**
 * What becomes of an event: `pass` lets it through, `drop` takes it out, bytes stand in its place,
 * and everything else takes it out and ends the stream there, in order (`end`) or by a fault.
 */
export type Verdict = 'pass' | 'drop' | 'end' | StreamFault | Uint8Array

/**
 * Judges one event. Its data are the bytes `[start, end)` of `buffer`, valid during the call only;
 * `end` is 0 for an event without data (comments, stray blank lines).
 */
export type EventJudge = (buffer: Uint8Array, start: number, end: number) => Verdict

const LF = 10
const CR = 13
const SPACE = 32
const COLON = 58
const DATA_FIELD = new TextEncoder().encode('data:')
const NOTHING = new Uint8Array(0)

function isDataLine(buffer: Uint8Array, start: number): boolean {
  for (let i = 0; i < DATA_FIELD.length; i++) {
    if (buffer[start + i] !== DATA_FIELD[i]) return false
  }
  return true
}

function concat(runs: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(runs.reduce((sum, run) => sum + run.length, 0))
  let at = 0
  for (const run of runs) {
    out.set(run, at)
    at += run.length
  }
  return out
}

/**
 * Cuts a stream of SSE bytes into whole events and lets a judge decide on each, without decoding.
 * When every event of a push is whole and passes, the very same array comes back, so the usual
 * case copies nothing. An event is held until it is whole: a provider that dies in the middle of
 * one leaves no half event at the client, and an error event can follow cleanly.
 *
 * The dialect between agent and edge is narrow on purpose: per event at most one `data:` line,
 * comments, lines ended by LF or CRLF. Anything else is a fault (an `event: error` line, say,
 * would make clients throw behind our back).
 */
export class SseFilter {
  /** Set once the stream broke the dialect; nothing comes out any more. */
  fault: StreamFault | undefined
  readonly #judge: EventJudge
  readonly #maxEventBytes: number
  #closed = false
  /** The beginning of an event that is not whole yet: the first `#heldLength` bytes. */
  #held = NOTHING
  #heldLength = 0
  // Where the current line and the event's data are, counted from the event's first byte.
  #lineStart = 0
  #dataStart = 0
  #dataEnd = 0

  constructor(judge: EventJudge, maxEventBytes = MAX_EVENT_BYTES) {
    this.#judge = judge
    this.#maxEventBytes = maxEventBytes
  }

  /** Takes the next bytes and returns those to deliver, maybe none. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#closed) return NOTHING
    const holding = this.#heldLength > 0
    let searchFrom = this.#heldLength
    if (holding) this.#append(bytes)
    const buffer = holding ? this.#held.subarray(0, this.#heldLength) : bytes

    const runs: Uint8Array[] = []
    let runStart = 0
    let eventStart = 0
    for (;;) {
      // Every second line is blank, and a look is cheaper than a search.
      const lf = buffer[searchFrom] === LF ? searchFrom : buffer.indexOf(LF, searchFrom)
      const size = (lf === -1 ? buffer.length : lf) - eventStart
      if (lf === -1 && size <= this.#maxEventBytes) break
      const verdict = size > this.#maxEventBytes ? 'event_too_large' : this.#readLine(buffer, lf)
      searchFrom = lf + 1
      this.#lineStart = lf + 1
      if (verdict === undefined) continue
      if (verdict !== 'pass') {
        if (eventStart > runStart) runs.push(buffer.subarray(runStart, eventStart))
        if (typeof verdict === 'object') runs.push(verdict)
        runStart = lf + 1
      }
      eventStart = lf + 1
      if (typeof verdict === 'string' && verdict !== 'pass' && verdict !== 'drop') {
        return this.#close(verdict, runs)
      }
    }
    if (!holding && runs.length === 0 && runStart === 0 && eventStart === bytes.length) {
      this.#lineStart = 0
      return bytes
    }
    if (eventStart > runStart) runs.push(buffer.subarray(runStart, eventStart))
    const [only] = runs
    // A run of the held buffer is a view of memory that is about to be used again.
    const out = only !== undefined && runs.length === 1 && !holding ? only : concat(runs)
    this.#hold(buffer, eventStart)
    return out
  }

  /** Reads one whole line; a blank one ends the event and brings the verdict on it. */
  #readLine(buffer: Uint8Array, lf: number): Verdict | undefined {
    const start = this.#lineStart
    const end = lf > start && buffer[lf - 1] === CR ? lf - 1 : lf
    if (end === start) {
      const dataStart = this.#dataStart
      const dataEnd = this.#dataEnd
      this.#dataStart = this.#dataEnd = 0
      return this.#judge(buffer, dataStart, dataEnd)
    }
    if (buffer[start] === COLON) return undefined
    if (this.#dataEnd !== 0 || !isDataLine(buffer, start)) return 'malformed_event'
    const value = start + DATA_FIELD.length
    this.#dataStart = buffer[value] === SPACE ? value + 1 : value
    this.#dataEnd = end
    return undefined
  }

  /** Keeps what follows `eventStart`, the beginning of an unfinished event. */
  #hold(buffer: Uint8Array, eventStart: number): void {
    if (this.#heldLength > 0) {
      // A no-op that is not free: an event that comes byte by byte would move itself at each byte.
      if (eventStart > 0) this.#held.copyWithin(0, eventStart, this.#heldLength)
      this.#heldLength -= eventStart
    } else {
      this.#append(buffer.subarray(eventStart))
    }
    this.#lineStart -= eventStart
    if (this.#dataEnd !== 0) {
      this.#dataStart -= eventStart
      this.#dataEnd -= eventStart
    }
  }

  #append(bytes: Uint8Array): void {
    const length = this.#heldLength + bytes.length
    if (length > this.#held.length) {
      const grown = new Uint8Array(Math.max(length, this.#held.length * 2))
      grown.set(this.#held.subarray(0, this.#heldLength))
      this.#held = grown
    }
    this.#held.set(bytes, this.#heldLength)
    this.#heldLength = length
  }

  #close(verdict: 'end' | StreamFault, runs: readonly Uint8Array[]): Uint8Array {
    this.#closed = true
    if (verdict !== 'end') this.fault = verdict
    this.#held = NOTHING
    this.#heldLength = 0
    return concat(runs)
  }
}
