/** What is known of an engine's silence: how long, in sum, something has been waited for since its last sign of life. */
export interface Silence {
  /** What is waited for now: answers, and questions of our own. */
  readonly waiting: number
  /** The sum up to `at`. Times in ms. */
  readonly ms: number
  readonly at: number
}

/** `wait`: one thing more is waited for. `over`: one less, however it ended. `heard`: the engine has shown that it computes. */
export type SilenceEvent = 'wait' | 'over' | 'heard'

/** Of an engine that nothing was asked yet. */
export const NO_SILENCE: Silence = { waiting: 0, ms: 0, at: 0 }

/** All in ms. */
interface HangBounds {
  /** Silence from which on an engine is asked for a sign of life. Less than an edge waits for a stream, which is 60 s. */
  readonly doubtMs: number
  /** Silence from which on it hangs. */
  readonly silentMs: number
}

/**
 * The silence after something has happened. It goes on across jobs: an edge gives up on each long before an engine can be
 * known to hang. Nothing is counted while nothing is waited for.
 */
export function silenceAfter(silence: Silence, event: SilenceEvent, at: number): Silence {
  if (event === 'heard') return { ...silence, ms: 0, at }
  const more = event === 'wait' ? 1 : -1
  return { waiting: Math.max(0, silence.waiting + more), ms: silenceAt(silence, at), at }
}

/** How long it is at a time, in ms. */
export function silenceAt({ waiting, ms, at }: Silence, now: number): number {
  return waiting === 0 ? ms : ms + Math.max(0, now - at)
}

/** That it may take over a sign of life, in ms: we may have been stopped ourselves, and have asked late. */
const ANSWER_MS = 30_000

/**
 * What a silence says, and how long it has left a question for a sign of life unanswered (0: it was not asked), both in ms. An
 * engine that is only slow answers that; only one that was asked hangs.
 */
export function judgeSilence(
  ms: number,
  askedMs: number,
  { doubtMs, silentMs }: HangBounds,
): 'sound' | 'doubtful' | 'hung' {
  if (ms > silentMs && askedMs > Math.min(ANSWER_MS, silentMs / 2)) return 'hung'
  return ms > Math.min(doubtMs, silentMs) ? 'doubtful' : 'sound'
}
