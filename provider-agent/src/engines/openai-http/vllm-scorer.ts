import { MAX_SCORED_CANDIDATES } from '@infernet/schemas/limits'
import type { Candidate, Position } from '@infernet/schemas/transcript'
import { z } from 'zod'
import { ScoreError, scoredPosition, type ScoreOrder } from '../score-order.ts'
import type { EngineConnection } from './engine-connection.ts'
import { errorOfResponse } from './engine-error.ts'
import { parseJson, type EngineReply } from './engine-question.ts'
import { askOrFail } from './score-question.ts'

/** vLLM waits its turn in silence, then reads a prompt of any length within this time. */
const SILENCE_MS = 300_000
/** Of one answer: 20 candidates of 90 bytes for each of 37,000 tokens, those of the prompt included. */
const MAX_SCORES_BYTES = 64 * 1024 * 1024
/** vLLM's words for more candidates than its `--max-logprobs`. */
const TOO_MANY = /logprobs.*greater than max allowed: (\d+)/is
/** Above 0 by more than rounding is no logarithm of a probability. */
const ROUNDING_NATS = 1e-3

const answerSchema = z.object({
  choices: z.tuple([z.object({ prompt_logprobs: z.array(z.unknown()) })]),
})
/** By token id. */
const placeSchema = z.record(
  z.string().regex(/^\d{1,10}$/),
  z.object({ logprob: z.number().max(ROUNDING_NATS) }),
)

/**
 * Scores answers by vLLM's `prompt_logprobs`: prompt and answer are sent as one prompt, and the server
 * tells of each token how likely it was.
 */
export class VllmScorer {
  readonly #connection: EngineConnection
  /** As many as the server tells of each place, as far as we know. */
  #candidates = MAX_SCORED_CANDIDATES

  constructor(connection: EngineConnection) {
    this.#connection = connection
  }

  /** `order.model` is the engine's own name. Rejects with {@link ScoreError}. */
  async score(order: ScoreOrder, signal: AbortSignal): Promise<readonly Position[]> {
    const asked = this.#candidates
    const { status, body } = await this.#post(order, asked, signal)
    if (status === 200) return readAnswer(body, order, asked)
    const { message } = errorOfResponse(status, body)
    const allowed = status === 400 ? Number(TOO_MANY.exec(message)?.[1]) : Number.NaN
    if (!(allowed > 0 && allowed < asked)) throw failed(message)
    this.#candidates = allowed
    return this.score(order, signal)
  }

  #post(
    { model, prompt, output }: ScoreOrder,
    candidates: number,
    signal: AbortSignal,
  ): Promise<EngineReply> {
    const payload = {
      model,
      prompt: [...prompt, ...output],
      // It has to say something.
      max_tokens: 1,
      temperature: 0,
      prompt_logprobs: candidates,
    }
    const question = {
      path: '/completions',
      payload,
      silenceMs: SILENCE_MS,
      maxBytes: MAX_SCORES_BYTES,
      signal,
    }
    return askOrFail(this.#connection, question, failed)
  }
}

const failed = (reason: string): ScoreError =>
  new ScoreError('engine_failed', `vLLM did not score: ${reason}`)

/** Checks the whole of what is used. Throws {@link ScoreError}. */
function readAnswer(body: string, { prompt, output }: ScoreOrder, asked: number): Position[] {
  const answer = answerSchema.safeParse(parseJson(body))
  if (!answer.success) throw failed('it tells of no prompt_logprobs')
  const places = answer.data.choices[0].prompt_logprobs
  if (places.length !== prompt.length + output.length) {
    throw failed(`it tells of ${places.length} tokens, not of ${prompt.length + output.length}`)
  }
  return output.map((id, i) => positionOf(id, places[prompt.length + i], asked))
}

function positionOf(id: number, value: unknown, asked: number): Position {
  const place = placeSchema.safeParse(value)
  const own = place.data?.[id]
  if (!place.success || own === undefined) {
    throw failed(
      `it does not say how likely token ${id} is; start it with --no-enable-prefix-caching and ` +
        'without another --logprobs-mode',
    )
  }
  // Beyond what was asked for there is only the token itself, where it is none of the likeliest.
  const likeliest = Object.entries(place.data)
    .map(([token, { logprob }]): Candidate => ({ id: Number(token), logprob }))
    .toSorted((a, b) => b.logprob - a.logprob)
    .slice(0, asked)
  return scoredPosition({ id, logprob: own.logprob, top: likeliest })
}
