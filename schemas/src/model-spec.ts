import { hash } from 'node:crypto'
import { z } from 'zod'

/** A word of a spec: what can stand in a table or a log line. */
const word = z.string().regex(/^[A-Za-z0-9_.+-]{1,48}$/)

/**
 * A model as it really runs. Two providers with the same spec compute the same numbers, up to the noise of
 * their hardware; a verifier judges only its own spec.
 */
export const modelSpecSchema = z.object({
  /** SHA-256, hex, of the weights. */
  weights: z.string().regex(/^[0-9a-f]{64}$/),
  /** As clients filter by it: `Q4_K_M`, `fp8`. */
  quantization: word,
  /** Type of the key-value cache. */
  kv: word,
  /** The engine with its version: `llama.cpp-v0.5.0`. Another version may compute, or draw, otherwise. */
  engine: word,
  /** What it computes on, as far as numbers differ by it: `cpu`, `cuda`, `metal`. */
  backend: word,
  /** SHA-256, hex, of the chat template. */
  template: z.string().regex(/^[0-9a-f]{64}$/),
})
export type ModelSpec = z.infer<typeof modelSpecSchema>

/** A spec's name: SHA-256, hex, of its fields in the order above. */
export const specIdOf = (spec: ModelSpec): string =>
  hash(
    'sha256',
    [
      'infernet/model-spec/1',
      spec.weights,
      spec.quantization,
      spec.kv,
      spec.engine,
      spec.backend,
      spec.template,
    ].join('\0'),
  )
