import type { Position } from '@infernet/schemas/transcript'
import type { SamplerSettings } from '../sampler-settings.ts'
import type { SignedAnswer } from './signed-answer.ts'

/**
 * One answer as layer 0 sees it once it is opened: what the provider shows of its transcript beside what the edge
 * saw itself. Undefined means unknown, and what would need it is not checked.
 */
export interface AnswerUnderCheck extends Omit<SignedAnswer, 'promptCount' | 'outputCount'> {
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
  readonly stopSequences: readonly string[]
  readonly contextLength: number | undefined
  readonly sampling: SamplerSettings
  /**
   * False where more than the settings decides what is drawn: penalties, biases, a grammar, a least number of
   * tokens, an ignored EOS. Raw logprobs then say little about the draw.
   */
  readonly plainSampling: boolean
}
