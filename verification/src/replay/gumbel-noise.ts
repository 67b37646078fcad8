import { philox4x32, type Key } from '../random/philox.ts'

/** Triton's scale from 31 bits to a 32-bit float below 1, and so also the least that is not 0. */
const SCALE = Math.fround(4.656_612_734_2e-10)

/** What keys the noise of one place: the request's seed and the index, in the whole sequence, of the last token read. */
export function noiseKey(seed: bigint, position: number): Key {
  const low = Number(BigInt.asUintN(32, seed))
  const high = Number(BigInt.asUintN(32, seed >> 32n))
  return [philox4x32([position, 0, 0, 0], [low, high])[0], 0]
}

/**
 * The Gumbel noise that vLLM's Model Runner V2 adds to a token's tempered logit, in nats: `tl_rand32` in
 * v1/worker/gpu/sample/gumbel.py on Triton's `rand`. In 32 bits up to the logarithms, which on a GPU are
 * good to some 1e-6.
 */
export function gumbelNoise(key: Key, token: number): number {
  const bits = philox4x32([token, 0, 0, 0], key)[0] | 0
  const uniform = Math.fround(Math.fround(bits < 0 ? ~bits : bits) * SCALE)
  return -Math.log(-Math.log1p(-Math.max(uniform, SCALE)))
}
