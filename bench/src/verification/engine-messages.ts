import type { SeededVariant } from '@infernet/verification/replay/replay-variant'
import type { SamplerSettings } from '@infernet/verification/sampler-settings'

/** A model as one child holds it. */
export interface EngineSpec {
  /** Of a GGUF file. */
  readonly path: string
  /** Type of the key-value cache. */
  readonly kv: 'F16' | 'Q8_0' | 'Q4_0'
  /** Sequences evaluated side by side. */
  readonly slots: number
  /** Tokens evaluated in one pass, over all sequences. */
  readonly batchSize: number
}

/** One answer to be made. */
export interface Order {
  readonly prompt: readonly number[]
  readonly settings: SamplerSettings
  readonly maxTokens: number
  /** Never drawn by `draw`: how an answer is kept from ending. */
  readonly banned?: number
}

/** One answer to be read. */
export interface Reading {
  readonly prompt: readonly number[]
  readonly tokens: readonly number[]
}

/**
 * What the parent asks for. `generate`: by llama.cpp's own sampler. `draw`: by our own draw from its
 * logits, as an engine of that variant does; with `draft`, four tokens of five from that model's. `score`:
 * how likely given tokens are.
 */
export type Task =
  | { readonly type: 'generate'; readonly spec: EngineSpec; readonly orders: readonly Order[] }
  | {
      readonly type: 'draw'
      readonly spec: EngineSpec
      readonly variant: SeededVariant
      readonly draft?: EngineSpec
      readonly orders: readonly Order[]
    }
  | {
      readonly type: 'score'
      readonly spec: EngineSpec
      readonly manner: Manner
      readonly readings: readonly Reading[]
    }

/** All at once, as a verifier reads; token by token, as it was generated; or at once and without asking for anything. */
export type Manner = 'at once' | 'stepwise' | 'unasked'

/** What the child tells: a transcript (`encodeTranscript`) for each order or reading, and what all took. */
export type FromEngine =
  | { readonly type: 'result'; readonly index: number; readonly transcript: Uint8Array }
  | { readonly type: 'done'; readonly seconds: number }
  | { readonly type: 'failed'; readonly message: string }
