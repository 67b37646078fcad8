import { leafHash } from '@infernet/schemas/merkle'
import {
  encodeIds,
  type Candidate,
  type Position,
  type Transcript,
} from '@infernet/schemas/transcript'
import { normal, seededRandom } from '@infernet/verification/economics/random'
import { drawToken, newDrawState } from '@infernet/verification/replay/draw'
import { claimedFrom } from '../claims.ts'
import type { Engine } from '../engine.ts'
import type { Order, Reading, Task } from '../engine-messages.ts'
import { WEIGHTS, type ModelFiles } from '../model-cache.ts'
import type { Family } from '../setup.ts'

/** Tokens that the synthetic models know, one of them the end: all are listed. */
export const SYNTHETIC_VOCABULARY = 24
/** Deviation of the right model's logits, nats: about two nats of entropy. */
const SPREAD = 1.5
/** Tokens that a place depends on, and the first. */
const MEMORY = 3

export const SYNTHETIC_FILES = Object.fromEntries(WEIGHTS.map((name) => [name, name])) as ModelFiles

/** How far each model's logits are from the right ones, nats. */
const ERRORS: Readonly<Record<string, number>> = {
  q8_0: 0.05,
  fp8: 0.2,
  q5_0: 0.2,
  q4_0: 0.4,
  small: 1.5,
}

/** Random models instead of trained ones, in this process. What follows from their logits is real. */
export class SyntheticEngine implements Engine {
  readonly #end: number

  /** `end`: the token that ends an answer. */
  constructor(end: number) {
    this.#end = end
  }

  run(task: Task): Promise<{ transcripts: Transcript[]; seconds: number }> {
    const { path } = task.spec
    const transcripts =
      task.type === 'score'
        ? task.readings.map((one) => ({ prompt: one.prompt, positions: this.#score(path, one) }))
        : task.orders.map((order) =>
            task.type === 'draw' && task.variant === 'vllm-gumbel'
              ? this.#answer(path, task.draft?.path ?? path, order, 'vllm-gumbel')
              : this.#answer(path, path, order, 'llama-cpp'),
          )
    return Promise.resolve({ transcripts, seconds: 1 })
  }

  close(): void {}

  /** Drawn by one model, and reported by the other. */
  #answer(path: string, drawer: string, order: Order, family: Family): Transcript {
    const { prompt, settings, maxTokens, banned } = order
    const state = newDrawState(settings.seed, prompt.length)
    const tokens: number[] = []
    while (tokens.length < maxTokens && tokens.at(-1) !== this.#end) {
      const top = this.#candidates(drawer, [...prompt, ...tokens])
      const drawable = top.filter(({ id }) => id !== banned)
      tokens.push(drawToken(drawable, settings, family, state))
    }
    const positions = this.#score(path, { prompt, tokens })
    return { prompt, positions: claimedFrom(positions, settings, family) }
  }

  #score(path: string, { prompt, tokens }: Reading): Position[] {
    return tokens.map((id, i) => {
      const top = this.#candidates(path, [...prompt, ...tokens.slice(0, i)])
      return { id, logprob: top.find((one) => one.id === id)?.logprob ?? -Infinity, top }
    })
  }

  /** Logits that follow from the first and the last few tokens. */
  #candidates(path: string, read: readonly number[]): Candidate[] {
    const digest = leafHash(encodeIds([...read.slice(0, 1), ...read.slice(-MEMORY)]))
    const seed = new DataView(digest.buffer, digest.byteOffset).getUint32(0)
    const [right, wrong] = [seededRandom(seed), seededRandom(seed + 1)]
    const error = ERRORS[path] ?? 0
    const logits = Array.from(
      { length: SYNTHETIC_VOCABULARY },
      () => SPREAD * normal(right) + error * normal(wrong),
    )
    const logSum = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
    return logits
      .map((logit, i) => ({ id: i === 0 ? this.#end : i, logprob: logit - logSum }))
      .sort((a, b) => b.logprob - a.logprob)
  }
}
