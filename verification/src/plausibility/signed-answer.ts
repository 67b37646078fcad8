import type { JobUsage } from '@infernet/schemas/wire'

/** How long an answer took, as the edge's clock saw it unless it says otherwise. */
export interface AnswerTiming {
  /** ms from the job's dispatch to its first token. */
  readonly ttftMs: number
  /** ms from the job's dispatch to its end. */
  readonly totalMs: number
  /** ms that the provider says to have worked, by its own clock. */
  readonly workedMs: number | undefined
  /** The shortest round trip ever seen on the provider's connection, ms. */
  readonly roundTripMs: number | undefined
  /** What one sequence can reach on the announced hardware; see `speed-limit.ts`. */
  readonly maxTokensPerSecond: number | undefined
}

/**
 * What the edge knows of any answer as soon as its receipt is here: sizes and times, and nothing of its tokens.
 * Undefined means unknown, and what would need it is not checked.
 */
export interface SignedAnswer {
  readonly usage: JobUsage
  /** Ids of the prompt that the engine read. */
  readonly promptCount: number | undefined
  /** Ids of the answer that it lists, the EOS among them where it lists that. */
  readonly outputCount: number | undefined
  /** UTF-8 bytes of content that were delivered, reasoning and tool calls included. */
  readonly contentBytes: number | undefined
  /** Tokens that the edge counted. Undefined where one chunk carries several. */
  readonly countedTokens: number | undefined
  /** Undefined: the answer was cut before its end, as when its client left. */
  readonly finishReason: string | undefined
  /** The tightest limit that the engine was given. */
  readonly maxTokens: number
  readonly timing: AnswerTiming
}
