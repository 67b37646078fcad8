import type { LlamaEmbeddingContext, Token } from 'node-llama-cpp'
import { faultOf } from '../engine.ts'
import { contextExceeded } from '../model-file.ts'
import type { Prompt } from '../token-source.ts'
import type { FromChild } from './messages.ts'
import type { Loaded } from './runner.ts'

/**
 * Turns texts into vectors with a loaded model. Its context is made at the first request: it takes
 * memory, and most models are never asked.
 */
export class Embedder {
  readonly #loaded: Loaded
  readonly #threads: number
  readonly #post: (message: FromChild) => void
  readonly #running = new Set<number>()
  #context: Promise<LlamaEmbeddingContext> | undefined

  constructor(loaded: Loaded, threads: number, post: (message: FromChild) => void) {
    this.#loaded = loaded
    this.#threads = threads
    this.#post = post
  }

  /** True when the run was one of these. */
  abort(run: number): boolean {
    return this.#running.delete(run)
  }

  async embed(run: number, inputs: readonly Prompt[]): Promise<void> {
    this.#running.add(run)
    try {
      const context = await this.#ready()
      for (const input of inputs) {
        if (!this.#running.has(run)) return
        const tokens = this.#tokens(input)
        // The library adds what the vocabulary wants at the ends, to this very list.
        const { vector } = await context.getEmbeddingFor(tokens)
        const base64 = encode(normalised(vector))
        if (this.#running.has(run)) {
          this.#post({ type: 'vector', run, base64, tokens: tokens.length })
        }
      }
      if (this.#running.delete(run)) this.#post({ type: 'end', run, reason: 'stop' })
    } catch (error) {
      if (this.#running.delete(run)) this.#post({ type: 'fail', run, error: faultOf(error) })
    }
  }

  #ready(): Promise<LlamaEmbeddingContext> {
    const { model, contextLength } = this.#loaded
    this.#context ??= model.createEmbeddingContext({
      contextSize: contextLength,
      threads: this.#threads,
    })
    // A context that could not be made, for want of memory, may be the next time.
    this.#context.catch(() => (this.#context = undefined))
    return this.#context
  }

  #tokens(input: Prompt): Token[] {
    const { model, contextLength } = this.#loaded
    const tokens = typeof input === 'string' ? model.tokenize(input) : input.map(toToken)
    // Two are kept for the tokens that the library may add.
    if (tokens.length > contextLength - 2)
      throw contextExceeded(tokens.length, contextLength, 'input')
    return tokens
  }
}

/** The library brands its numbers. */
const toToken = (id: number): Token => id as Token

/** The vector with length 1, as OpenAI's are, so that a dot product is the cosine. */
function normalised(vector: readonly number[]): Float32Array {
  const length = Math.hypot(...vector)
  return Float32Array.from(vector, (x) => (length > 0 ? x / length : x))
}

function encode(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * Float32Array.BYTES_PER_ELEMENT)
  for (const [i, x] of vector.entries()) bytes.writeFloatLE(x, i * Float32Array.BYTES_PER_ELEMENT)
  return bytes.toString('base64')
}
