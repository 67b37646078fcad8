import { llamaTensorShapes, type LlamaConfig } from '../llama-config.ts'
import type { Random } from '../prng.ts'
import type { Floats, Kernel } from './kernel.ts'

/** A named weight with its gradient and AdamW's two running moments, all of one length. */
export type Parameter = {
  readonly name: string
  readonly dimensions: readonly number[]
  readonly values: Floats
  readonly gradient: Floats
  readonly mean: Floats
  readonly square: Floats
}

/** All weights of a model under training, in file order. The output layer is the embedding. */
export type Parameters = ReadonlyMap<string, Parameter>

/** Spread of the embedding at the start. It also produces the logits, whose spread is 11 times it. */
const EMBEDDING_SPREAD = 0.12
/**
 * Layers that write to the residual stream start this much quieter than others, lest the first of
 * them drown the tokens themselves.
 */
const RESIDUAL_GAIN = 0.1

/** Allocates and initialises the weights of a model. */
export function newParameters(kernel: Kernel, config: LlamaConfig, random: Random): Parameters {
  const parameters = new Map<string, Parameter>()
  for (const { name, dimensions } of llamaTensorShapes(config)) {
    const length = dimensions.reduce((product, size) => product * size, 1)
    const [values, gradient, mean, square] = [0, 1, 2, 3].map(() => kernel.floats(length)) as [
      Floats,
      Floats,
      Floats,
      Floats,
    ]
    const spread = initialSpread(name, dimensions, config)
    for (let i = 0; i < length; i++) {
      values[i] = dimensions.length === 1 ? 1 : spread * normal(random)
    }
    parameters.set(name, { name, dimensions, values, gradient, mean, square })
  }
  return parameters
}

/** The parameter called `name`; throws for a name the model does not have. */
export function parameter(parameters: Parameters, name: string): Parameter {
  const found = parameters.get(name)
  if (!found) throw new Error(`there is no parameter ${name}`)
  return found
}

function initialSpread(name: string, dimensions: readonly number[], config: LlamaConfig): number {
  if (name === 'token_embd.weight') return EMBEDDING_SPREAD
  const writesResidual = name.includes('attn_output') || name.includes('ffn_down')
  const spread = 1 / Math.sqrt(dimensions[0] ?? 1)
  return writesResidual ? (RESIDUAL_GAIN * spread) / Math.sqrt(2 * config.layers) : spread
}

/** Nearly normal with variance 1: twelve uniforms, no transcendental function, same everywhere. */
export function normal(random: Random): number {
  let sum = -6
  for (let i = 0; i < 12; i++) sum += random()
  return sum
}
