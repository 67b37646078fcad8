import type { JobError } from '@infernet/schemas/wire'
import type { GenerateRequest, Prompt } from '../token-source.ts'

/** What the parent tells the child. Runs are numbered by the parent. */
export type ToChild =
  | { readonly type: 'load'; readonly options: LoadOptions }
  | { readonly type: 'generate'; readonly run: number; readonly request: GenerateRequest }
  | { readonly type: 'embed'; readonly run: number; readonly inputs: readonly Prompt[] }
  | { readonly type: 'pause' | 'resume' | 'abort'; readonly run: number }

/** What the child tells the parent. */
export type FromChild =
  | { readonly type: 'ready'; readonly model: LoadedModel }
  | { readonly type: 'load_failed'; readonly message: string }
  | {
      readonly type: 'prompt'
      readonly run: number
      readonly tokens: number
      readonly cachedTokens: number
    }
  /** Run and text in turn: all tokens of one tick in one message. */
  | { readonly type: 'pieces'; readonly pieces: readonly (number | string)[] }
  /** Of the next input. */
  | {
      readonly type: 'vector'
      readonly run: number
      readonly base64: string
      readonly tokens: number
    }
  | { readonly type: 'end'; readonly run: number; readonly reason: 'stop' | 'length' }
  | { readonly type: 'fail'; readonly run: number; readonly error: JobError }

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
}
