import { MAX_SCORED_CANDIDATES } from '@infernet/schemas/limits'
import type { Candidate, Position } from '@infernet/schemas/transcript'
import { z } from 'zod'
import { ScoreError, scoredPosition, type ScoreOrder } from '../score-order.ts'
import type { EngineConnection } from './engine-connection.ts'
import { errorOfResponse } from './engine-error.ts'
import { parseJson } from './engine-question.ts'
import { askOrFail } from './score-question.ts'

/** Of one place: the first reads the whole prompt, and waits its turn for that. */
const SILENCE_MS = 300_000
/** 64 candidates of 100 bytes, and all that the server says beside them, the prompt's text included. */
const MAX_PLACE_BYTES = 4 * 1024 * 1024
/** Places of one answer that are looked at: each is a request, and the edge waits two minutes. */
const MAX_SPOTS = 512

const placeSchema = z.object({
  completion_probabilities: z.tuple([
    z.object({
      top_logprobs: z
        .array(z.object({ id: z.int().nonnegative(), logprob: z.number().max(0) }))
        .min(1),
    }),
  ]),
})

/**
 * Scores answers by llama-server, which does not tell how likely given tokens are: for each place it is asked
 * for one token more behind all that stands before. Prefixes ascend, so that its cache has all but the last
 * few tokens of each.
 */
export class LlamaServerScorer {
  readonly #connection: EngineConnection
  readonly #random: () => number
  readonly #maxSpots: number

  /** `random` is at least 0 and below 1: it chooses the places of an answer with more than `maxSpots`. */
  constructor(connection: EngineConnection, random: () => number, maxSpots = MAX_SPOTS) {
    this.#connection = connection
    this.#random = random
    this.#maxSpots = maxSpots
  }

  /**
   * A place that was not looked at has no candidates, which says nothing for or against it. A token that is
   * none of the likeliest is said to be as likely as the last of these, for it is at most that. Rejects with
   * {@link ScoreError}.
   */
  async score(order: ScoreOrder, signal: AbortSignal): Promise<readonly Position[]> {
    const { prompt, output } = order
    const spots = new Set(this.#spots(output.length))
    const positions: Position[] = []
    for (const [i, id] of output.entries()) {
      if (!spots.has(i)) {
        positions.push({ id, logprob: 0, top: [] })
        continue
      }
      const top = await this.#place([...prompt, ...output.slice(0, i)], signal)
      positions.push(scoredPosition({ id, logprob: logprobOf(id, top), top }))
    }
    return positions
  }

  /** Indices below `length`, in no order. */
  #spots(length: number): readonly number[] {
    const all = Array.from({ length }, (_, i) => i)
    if (length <= this.#maxSpots) return all
    // As many steps of a shuffle as are taken.
    for (let i = 0; i < this.#maxSpots; i++) {
      const j = i + Math.floor(this.#random() * (length - i))
      const swapped = all[i] ?? i
      all[i] = all[j] ?? j
      all[j] = swapped
    }
    return all.slice(0, this.#maxSpots)
  }

  async #place(prompt: readonly number[], signal: AbortSignal): Promise<readonly Candidate[]> {
    const payload = {
      prompt,
      n_predict: 1,
      temperature: 0,
      n_probs: MAX_SCORED_CANDIDATES,
      cache_prompt: true,
      stream: false,
    }
    const question = {
      path: '/completion',
      isBeside: true,
      payload,
      silenceMs: SILENCE_MS,
      maxBytes: MAX_PLACE_BYTES,
      signal,
    }
    const { status, body } = await askOrFail(this.#connection, question, failed)
    if (status !== 200) throw failed(errorOfResponse(status, body).message)
    const place = placeSchema.safeParse(parseJson(body))
    if (!place.success) throw failed('it does not tell how likely tokens are')
    return place.data.completion_probabilities[0].top_logprobs
  }
}

const failed = (reason: string): ScoreError =>
  new ScoreError('engine_failed', `llama-server did not score: ${reason}`)

const logprobOf = (id: number, top: readonly Candidate[]): number =>
  (top.find((candidate) => candidate.id === id) ?? top.at(-1))?.logprob ?? 0
