import type { JobError } from '@infernet/schemas/wire'
import type { GenerateRequest, Prompt } from '../token-source.ts'

/** What the parent tells the child. Runs are numbered by the parent. */
export type ToChild =
  | { readonly type: 'load'; readonly options: LoadOptions }
  /** Asks whether it is there, once its model is loaded. */
  | { readonly type: 'ping' }
  /** Asks for a sign of life: a token, a vector, or, where all sequences are taken, whatever is computed next. */
  | { readonly type: 'prove' }
  | { readonly type: 'generate'; readonly run: number; readonly request: GenerateRequest }
  | { readonly type: 'embed'; readonly run: number; readonly inputs: readonly Prompt[] }
  | {
      readonly type: 'score'
      readonly run: number
      readonly prompt: readonly number[]
      readonly output: readonly number[]
    }
  | {
      readonly type: 'render'
      readonly run: number
      readonly prompt: Prompt
      readonly output: readonly number[]
    }
  | { readonly type: 'pause' | 'resume' | 'abort'; readonly run: number }

/** A run, the text of its next token, and `packPosition` of it: nothing where the run is not traced. */
export type Piece = readonly [run: number, text: string, position: readonly number[]]

/** What the child tells the parent. */
export type FromChild =
  | { readonly type: 'ready'; readonly model: LoadedModel }
  | { readonly type: 'load_failed'; readonly message: string }
  | { readonly type: 'pong' }
  | { readonly type: 'proved' }
  /** A piece of a long prompt has been read: the work goes on. */
  | { readonly type: 'reading' }
  | {
      readonly type: 'prompt'
      readonly run: number
      readonly ids: readonly number[]
      readonly cachedTokens: number
    }
  /** All tokens of one tick. */
  | { readonly type: 'pieces'; readonly pieces: readonly Piece[] }
  /** Of the next input. */
  | {
      readonly type: 'vector'
      readonly run: number
      readonly base64: string
      readonly tokens: number
    }
  /** `packPosition` of the next tokens that were to be scored. */
  | {
      readonly type: 'scores'
      readonly run: number
      readonly positions: readonly (readonly number[])[]
    }
  | {
      readonly type: 'rendered'
      readonly run: number
      readonly prompt: readonly number[]
      readonly text: string
    }
  | {
      readonly type: 'end'
      readonly run: number
      readonly reason: 'stop' | 'length'
      /** `packPosition` of the token that ended it. */
      readonly ending?: readonly number[]
    }
  | { readonly type: 'fail'; readonly run: number; readonly error: JobError }

/**
 * What a child says only when its threads that compute have done something. A prompt is taken in, rendered, and refused
 * without them.
 */
const COMPUTED: ReadonlySet<FromChild['type']> = new Set([
  'ready',
  'proved',
  'reading',
  'pieces',
  'vector',
  'scores',
  'end',
])

/** Whether a message is a sign of life. */
export const showsComputing = ({ type }: FromChild): boolean => COMPUTED.has(type)

export interface LoadOptions {
  readonly path: string
  /** Sequences evaluated side by side. */
  readonly slots: number
  /** Tokens of context per sequence, at most. */
  readonly maxContext: number
  /** 0 lets llama.cpp use all cores. */
  readonly threads: number
  readonly gpu: boolean
}

export interface LoadedModel {
  /** Tokens of context each sequence really got. */
  readonly contextLength: number
  /** Spellings of the special tokens that chat templates refer to. */
  readonly bosToken: string
  readonly eosToken: string
  /** Of llama.cpp itself. */
  readonly release: string
  /** What it computes on. */
  readonly backend: string
}
