/** All in ms. */
export interface StuckBounds {
  /** Silence of a server from which on it may be stuck. Less than an edge waits for a stream, which is 60 s. */
  readonly silentMs: number
  /** How long a model may think about the first question of one token, and about each later one. */
  readonly questionMs: readonly [first: number, later: number]
  /** Between two questions. */
  readonly pauseMs: number
  /** A job that cannot be heard excuses silence for so long. */
  readonly unheardMs: number
}

/**
 * A llama-server that reads 30 tokens a second takes 68 s over a step of 2,048, and hears nothing meanwhile: its first
 * question may be lost on that, not the second. An edge waits 300 s for a whole answer; what a stream was given up on
 * behind has had a minute of them.
 */
export const STUCK_BOUNDS: StuckBounds = {
  silentMs: 45_000,
  questionMs: [60_000, 90_000],
  pauseMs: 10_000,
  unheardMs: 240_000,
}

/** What is known when a model has left a question of one token unanswered. Times in ms. */
export interface Unanswered {
  /** Unanswered ones since it was doubted, this one too. */
  readonly questions: number
  /** It has said something for a job since it was doubted. */
  readonly hasMoved: boolean
  /** Since its server said something for a job, of any model. */
  readonly heardMs: number
  /** Jobs of ours that may be computed unheard: whole answers, and streams that nobody reads. */
  readonly unheard: number
  /** Since it was doubted. */
  readonly doubtMs: number
}

/**
 * What that says of the model: a server with few places answers a question behind its jobs. `doubtful`: it is to be asked
 * again.
 */
export function judgeUnanswered(
  { questions, hasMoved, heardMs, unheard, doubtMs }: Unanswered,
  { silentMs, unheardMs }: StuckBounds,
): 'sound' | 'doubtful' | 'stuck' {
  if (hasMoved) return 'sound'
  const isBusy = heardMs < silentMs || (unheard > 0 && doubtMs < unheardMs)
  return isBusy || questions < 2 ? 'doubtful' : 'stuck'
}

/** How long the question of this number, from 1 on, may be thought about, in ms. */
export function questionMs(question: number, { questionMs: [first, later] }: StuckBounds): number {
  return question === 1 ? first : later
}
