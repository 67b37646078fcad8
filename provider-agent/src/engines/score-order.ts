import type { Candidate, Position } from '@infernet/schemas/transcript'
import type { EngineModel } from './engine.ts'

/** An answer to be scored: how likely is each of its tokens, given everything before it? */
export interface ScoreOrder {
  readonly model: string
  /** Ids of tokens as the engine that answered read them, with every special one. */
  readonly prompt: readonly number[]
  /** Ids of the answer's tokens, with the one that ended it if one did. */
  readonly output: readonly number[]
}

/**
 * Resolves with the answer's tokens in order: of each the natural log of its probability under the raw
 * softmax over the whole vocabulary (temperature 1, nothing cut), and the `MAX_SCORED_CANDIDATES`
 * likeliest in its place, or as many as the engine tells of. Rejects with {@link ScoreError}.
 */
export type Scorer = (order: ScoreOrder, signal: AbortSignal) => Promise<readonly Position[]>

export type ScoreErrorCode =
  | 'unknown_model'
  | 'bad_request'
  | 'bad_tokens'
  | 'context_exceeded'
  | 'aborted'
  | 'engine_failed'

/** An answer was not scored, or not rendered; the message is for the operators of verifier and edge. */
export class ScoreError extends Error {
  override readonly name = 'ScoreError'
  readonly code: ScoreErrorCode

  constructor(code: ScoreErrorCode, message: string) {
    super(message)
    this.code = code
  }

  static unknownModel({ model }: Pick<ScoreOrder, 'model'>): ScoreError {
    return new ScoreError('unknown_model', `no model '${model}' here`)
  }

  static aborted(): ScoreError {
    return new ScoreError('aborted', 'the work was stopped')
  }
}

/** Refuses what an engine must not see: llama.cpp aborts on unknown ids. Throws {@link ScoreError}. */
export function checkScoreOrder(
  { prompt, output }: ScoreOrder,
  { id, contextLength }: Pick<EngineModel, 'id' | 'contextLength'>,
  vocabSize = Infinity,
): void {
  if (prompt.length === 0 || output.length === 0) {
    throw new ScoreError('bad_tokens', 'prompt and answer have a token at least')
  }
  const length = prompt.length + output.length
  if (length > contextLength) {
    const message = `${length} tokens are more than the ${contextLength} that '${id}' has room for`
    throw new ScoreError('context_exceeded', message)
  }
  checkIds([...prompt, ...output], { id, vocabSize })
}

/** Throws {@link ScoreError} for tokens that a model does not have. */
export function checkIds(
  tokens: readonly number[],
  { id, vocabSize }: { readonly id: string; readonly vocabSize: number },
): void {
  const unknown = tokens.find((token) => !(token >= 0 && token < vocabSize))
  if (unknown === undefined) return
  const message = `token ${unknown} is not in the vocabulary of '${id}', which has ${vocabSize}`
  throw new ScoreError('bad_tokens', message)
}

/** What vLLM says of a token that cannot be; a transcript has no room for minus infinity. */
const IMPOSSIBLE = -9_999

/** A position as it can be sent: logprobs in four bytes, finite, and not above 0. */
export const scoredPosition = ({ id, logprob, top }: Position): Position => ({
  ...rounded({ id, logprob }),
  top: top.map(rounded),
})

const rounded = ({ id, logprob }: Candidate): Candidate => ({
  id,
  logprob: Math.fround(Math.max(IMPOSSIBLE, Math.min(0, logprob))),
})
