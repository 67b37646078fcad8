import { murmur3 } from '../random/murmur3.ts'
import { philox4x32 } from '../random/philox.ts'

/** Triton's scale from 31 bits to a 32-bit float below 1, and so also the least that is not 0. */
const SCALE = Math.fround(4.656_612_734_2e-10)
/** What keeps the other end from 1: half of the last bit of a 32-bit float below it. */
const LEAST_REST = 2 ** -24
/** Up to here a series stands for log1p(-u). */
const SERIES_END = 0.25

/** Where the noise comes from; see `REPLAY_RULES`. */
export type NoiseSource = 'philox' | 'murmur'

/** The noise of each token in one place, in nats. */
export type Noise = (token: number) => number

/**
 * The Gumbel noise that vLLM's Model Runner V2 adds to tempered logits in v1/worker/gpu/sample/gumbel.py, in
 * 32 bits up to the logarithms, which on a GPU are good to some 1e-6. `position` is the index, in the whole
 * sequence, of the last token read.
 */
export const gumbelNoise = (source: NoiseSource, seed: bigint, position: number): Noise =>
  source === 'philox' ? philoxNoise(seed, position) : murmurNoise(seed, position)

function philoxNoise(seed: bigint, position: number): Noise {
  const subseed = philox4x32([position, 0, 0, 0], [lowOf(seed), highOf(seed)])[0]
  return (token) => {
    const bits = philox4x32([token, 0, 0, 0], [subseed, 0])[0] | 0
    const uniform = Math.fround(Math.fround(bits < 0 ? ~bits : bits) * SCALE)
    return -Math.log(-Math.log1p(-Math.max(uniform, SCALE)))
  }
}

function murmurNoise(seed: bigint, position: number): Noise {
  const words = [lowOf(seed), highOf(seed), position]
  return (token) => {
    const uniform = Math.fround((murmur3([...words, token]) + 0.5) / 2 ** 32)
    const rest = Math.max(Math.fround(1 - uniform), LEAST_REST)
    return -Math.log(-(uniform < SERIES_END ? Math.log1p(-uniform) : Math.log(rest)))
  }
}

const lowOf = (seed: bigint): number => Number(BigInt.asUintN(32, seed))
const highOf = (seed: bigint): number => Number(BigInt.asUintN(32, seed >> 32n))
