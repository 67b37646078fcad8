import {
  MAX_CANDIDATES,
  MAX_TRANSCRIPT_BYTES,
  MAX_TRANSCRIPT_TOKENS,
} from '@infernet/schemas/limits'
import type { Position } from '@infernet/schemas/transcript'
import type { Evidence } from './engine.ts'
import type { LocalModel } from './local-request.ts'
import type { OutputShape, Sampling } from './token-source.ts'

/** llama.cpp hands over every token that its cuts left: with more than this, that costs more than the token. */
const MAX_KEPT_CANDIDATES = 1_024
/** llama.cpp's word for "any seed". */
const ANY_SEED = 2 ** 32 - 1
/** Of an answer whose every token has all its candidates. */
export const MAX_TRACED_TOKENS = Math.min(
  MAX_TRANSCRIPT_TOKENS,
  Math.floor(MAX_TRANSCRIPT_BYTES / (9 + 8 * MAX_CANDIDATES) / 2),
)

/** What V8 takes for a token with all its candidates: for each two numbers, of which one is boxed, in an object. */
export const POSITION_BYTES = 64 * (1 + MAX_CANDIDATES)
/** So often a recorder tells what it keeps: after this much more. */
export const HELD_STEP_BYTES = 512 * 1024

/**
 * Whether somebody else can draw the same tokens again from the same numbers: not where what was said
 * before, or a grammar, changes them.
 */
export function isReplayable(model: LocalModel, sampling: Sampling, shape: OutputShape): boolean {
  const { temperature, topK, frequencyPenalty, presencePenalty, logitBias, seed } = sampling
  if (model.spec === undefined || shape.type !== 'text' || seed === ANY_SEED) return false
  if (frequencyPenalty !== 0 || presencePenalty !== 0 || logitBias.length > 0) return false
  const isCut = temperature === 0 || (topK > 0 && topK <= MAX_KEPT_CANDIDATES)
  return isCut || !model.kept_only
}

/** Keeps what a traced generation did, token by token. */
export class EvidenceRecorder {
  readonly #model: LocalModel
  readonly #sampling: Sampling
  #prompt: readonly number[] = []
  readonly #positions: Position[] = []

  constructor(model: LocalModel, sampling: Sampling) {
    this.#model = model
    this.#sampling = sampling
  }

  prompt(ids: readonly number[]): void {
    this.#prompt = ids
  }

  add(position: Position | undefined): void {
    if (position !== undefined && this.#positions.length <= MAX_TRACED_TOKENS) {
      this.#positions.push(position)
    }
  }

  /** What it keeps in memory, at the most. */
  get heldBytes(): number {
    return this.#positions.length * POSITION_BYTES
  }

  /** Undefined when there is nothing yet, or too much. */
  evidence(): Evidence | undefined {
    const { replay, kept_only, spec } = this.#model
    const positions = this.#positions
    if (spec === undefined || positions.length === 0 || positions.length > MAX_TRACED_TOKENS) {
      return undefined
    }
    if (this.#prompt.length > MAX_TRANSCRIPT_TOKENS) return undefined
    const { temperature, topK, topP, minP, seed } = this.#sampling
    const sampler = { temperature, top_k: topK, top_p: topP, min_p: minP, seed: String(seed) }
    return { spec, replay, kept_only, sampler, transcript: { prompt: this.#prompt, positions } }
  }
}
