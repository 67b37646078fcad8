import type { JobUsage } from '@infernet/schemas/wire'
import type { Position } from '@infernet/schemas/transcript'
import type { SamplerSettings } from '../sampler-settings.ts'

/** How long an answer took, as the edge's clock saw it. */
export interface AnswerTiming {
  /** ms from the job's dispatch to its first token. */
  readonly ttftMs: number
  /** ms from the job's dispatch to its end. */
  readonly totalMs: number
  /** The shortest round trip ever seen on the provider's connection, ms. */
  readonly roundTripMs: number | undefined
  /** What one sequence can reach on the declared hardware; see `throughput-bound.ts`. */
  readonly maxTokensPerSecond: number | undefined
}

/**
 * One answer as the checks of every request see it: what the provider opened of its transcript beside
 * what the edge saw itself. Undefined means unknown, and what would need it is not checked.
 */
export interface AnswerUnderCheck {
  readonly promptIds: readonly number[]
  /** The gateway's own rendering and tokenising of the prompt. */
  readonly renderedPromptIds: readonly number[] | undefined
  /** The output ids with their logprobs, in order, the EOS among them where the engine lists it. */
  readonly positions: readonly Position[]
  /** Candidates that each position was to list. */
  readonly candidatesAsked: number
  readonly vocabularySize: number | undefined
  readonly eosIds: readonly number[]
  /** As delivered to the client. */
  readonly text: string
  /**
   * The output ids as text: without special tokens, with U+FFFD for bytes that are no UTF-8. Undefined too
   * where the engine does not deliver its tokens as they are: parsed tool calls, hidden reasoning.
   */
  readonly detokenised: string | undefined
  /** UTF-8 bytes of content that were delivered, reasoning and tool calls included. */
  readonly contentBytes: number | undefined
  readonly stopSequences: readonly string[]
  readonly usage: JobUsage
  /** Tokens that the edge counted. Undefined where one chunk carries several. */
  readonly countedTokens: number | undefined
  /** Undefined: the answer was cut before its end, as when its client left. */
  readonly finishReason: string | undefined
  /** The tightest limit that the engine was given. */
  readonly maxTokens: number
  readonly contextLength: number | undefined
  readonly sampling: SamplerSettings
  /**
   * False where more than the settings decides what is drawn: penalties, biases, a grammar, a least number of
   * tokens, an ignored EOS. Raw logprobs then say little about the draw.
   */
  readonly plainSampling: boolean
  readonly timing: AnswerTiming
}
