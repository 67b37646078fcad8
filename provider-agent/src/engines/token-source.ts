import type { Position } from '@infernet/schemas/transcript'
import type { JobError } from '@infernet/schemas/wire'

/** How tokens are drawn. Fields that the client left out have llama-server's defaults already. */
export interface Sampling {
  readonly temperature: number
  /** 0 keeps all. */
  readonly topK: number
  readonly topP: number
  readonly minP: number
  readonly frequencyPenalty: number
  readonly presencePenalty: number
  /** 32 bits. */
  readonly seed: number
  /** Token id and what is added to its logit. */
  readonly logitBias: readonly (readonly [number, number])[]
}

/** What the output must be, beyond text. A schema is a JSON Schema object. */
export type OutputShape =
  | { readonly type: 'text' }
  | { readonly type: 'json' }
  | { readonly type: 'json_schema'; readonly schema: Record<string, unknown> }

/** Text, or the ids of tokens. */
export type Prompt = string | readonly number[]

/** One generation from a rendered prompt. */
export interface GenerateRequest {
  readonly prompt: Prompt
  /** Most tokens to generate; the context may end it earlier. */
  readonly maxTokens: number
  readonly sampling: Sampling
  readonly shape: OutputShape
  /** Alternatives to report with each token; undefined for no logprobs at all. */
  readonly topLogprobs: number | undefined
  /** Whether every token is to come with its position, for the claim. */
  readonly isTraced: boolean
}

/** A token and its natural log probability under the raw softmax. */
export interface ScoredToken {
  readonly id: number
  readonly bytes: Uint8Array
  readonly logprob: number
}

/** One generated token. `text` is empty while a character is incomplete. */
export interface TokenPiece {
  readonly text: string
  readonly score?: ScoredToken & { readonly top: readonly ScoredToken[] }
  /** Of a traced generation. */
  readonly position?: Position
}

/** What a generation tells. Never called from within `generate`, nor after `abort`. */
export interface TokenSink {
  /** The prompt is tokenised; so many of its tokens need not be read again. Called first. */
  prompt(ids: readonly number[], cachedTokens: number): void
  /** Tokens generated since the last call, one or more. */
  pieces(pieces: readonly TokenPiece[]): void
  /**
   * `stop`: the model ended its turn, with the token of `ending` where the generation is traced. `length`:
   * `maxTokens` or the context is used up.
   */
  end(reason: 'stop' | 'length', ending?: Position): void
  fail(error: JobError): void
}

export interface TokenRun {
  pause(): void
  resume(): void
  /** Stops at once; the sink hears nothing more. */
  abort(): void
}

/** Something that continues a prompt: llama.cpp in a child process, or plain TypeScript. */
export interface TokenSource {
  /** Throws `JobFault` for what it refuses at sight. */
  generate(request: GenerateRequest, sink: TokenSink): TokenRun
}

/** What a calculation of vectors tells. Never called from within `embed`, nor after `abort`. */
export interface VectorSink {
  /** Of the next input: little-endian float32s in base64, of length 1, and the input's tokens. */
  vector(base64: string, tokens: number): void
  /** Every input has its vector. */
  end(): void
  fail(error: JobError): void
}

/** Something that turns texts into vectors. */
export interface VectorSource {
  /** Throws `JobFault` for what it refuses at sight. */
  embed(inputs: readonly Prompt[], sink: VectorSink): Pick<TokenRun, 'abort'>
}

/** What a scoring tells. Never called from within `score`, nor after `abort`. */
export interface ScoreSink {
  /** Of the next tokens, one or more, in order. */
  positions(positions: readonly Position[]): void
  /** Every token has its position. */
  end(): void
  fail(error: JobError): void
}

/** Something that reads a prompt, and says given tokens, as for a generation. Ids must be in the vocabulary. */
export interface RenderSource {
  /** `text` ends before the token that ends an answer. Rejects with `ScoreError`. */
  render(
    prompt: Prompt,
    output: readonly number[],
  ): Promise<{ readonly prompt: readonly number[]; readonly text: string }>
}

/** Something that tells how likely given tokens are. Ids must be in the vocabulary, and all fit the context. */
export interface ScoreSource {
  score(
    prompt: readonly number[],
    output: readonly number[],
    sink: ScoreSink,
  ): Pick<TokenRun, 'abort'>
}
