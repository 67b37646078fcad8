/** The caller's place in a trace, from its `traceparent` header. */
export interface TraceParent {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits: the caller's own span. */
  readonly spanId: string
  /** The caller records this trace. */
  readonly sampled: boolean
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const NOTHING = /^0+$/
const SAMPLED_FLAG = 1

/**
 * Reads a `traceparent` header (W3C Trace Context, section 3.2). Undefined for anything that is not
 * exactly one: a later version may go on after the four fields, version 00 may not.
 */
export function parseTraceparent(header: string | undefined): TraceParent | undefined {
  if (header === undefined) return undefined
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(header) ?? []
  if (version === undefined || traceId === undefined || spanId === undefined) return undefined
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (NOTHING.test(traceId) || NOTHING.test(spanId)) return undefined
  return { traceId, spanId, sampled: (parseInt(flags ?? '', 16) & SAMPLED_FLAG) !== 0 }
}

const ID_DIGITS = /[0-9a-f]{32}$/
const SPAN_ID_CHARS = 16

/**
 * A trace without a caller is named after its request: the id in the client's `x-request-id` and in
 * every log line leads to it, and all processes that see the request agree on it unasked. Undefined
 * for an id that is none of ours.
 */
export const traceIdOf = (requestId: string): string | undefined => ID_DIGITS.exec(requestId)?.[0]

/** The span of a request or a job, or of a job's `part`-th lease: the random end of its id. */
export function spanIdOf(id: string, part?: number): string {
  const tail = id.slice(-SPAN_ID_CHARS)
  return part === undefined ? tail : tail.slice(0, -2) + part.toString(16).padStart(2, '0')
}

/** Random digits at the end of a trace id that the sampling decision is made from. */
const RANDOM_DIGITS = 13

/**
 * Whether a trace is among the share `ratio` (0 to 1) of all that are recorded; every process decides
 * alike. A caller that does not record its trace has ours left out too.
 */
export function isSampled(
  traceId: string,
  parent: TraceParent | undefined,
  ratio: number,
): boolean {
  if (parent?.sampled === false) return false
  const random = parseInt(traceId.slice(-RANDOM_DIGITS), 16) / 16 ** RANDOM_DIGITS
  return random >= 1 - ratio
}
