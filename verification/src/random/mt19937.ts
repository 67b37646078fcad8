const WORDS = 624
const MIDDLE = 397

/**
 * The Mersenne Twister as C++ has it, `std::mt19937`, and what libstdc++ makes of it for a double.
 * llama.cpp's `dist` sampler draws from it.
 */
export class Mt19937 {
  readonly #state = new Uint32Array(WORDS)
  #next = WORDS

  /** Seeds with the low 32 bits of `seed`. */
  constructor(seed: number) {
    const state = this.#state
    let last = seed >>> 0
    state[0] = last
    for (let i = 1; i < WORDS; i++) {
      last = (Math.imul(1_812_433_253, last ^ (last >>> 30)) + i) >>> 0
      state[i] = last
    }
  }

  /** The next 32 bits, as a whole number from 0 below 2^32. */
  word(): number {
    if (this.#next === WORDS) this.#refill()
    let word = this.#state[this.#next++] ?? 0
    word ^= word >>> 11
    word ^= (word << 7) & 0x9d2c_5680
    word ^= (word << 15) & 0xefc6_0000
    word ^= word >>> 18
    return word >>> 0
  }

  /** libstdc++'s `uniform_real_distribution<double>(0, 1)`: two words, the first the lower. */
  uniform(): number {
    const low = this.word()
    const uniform = (low + this.word() * 2 ** 32) / 2 ** 64
    // Rounding can reach 1, which the distribution excludes.
    return uniform < 1 ? uniform : 1 - 2 ** -53
  }

  #refill(): void {
    const state = this.#state
    for (let i = 0; i < WORDS; i++) {
      const next = state[(i + 1) % WORDS] ?? 0
      const bits = ((state[i] ?? 0) & 0x8000_0000) | (next & 0x7fff_ffff)
      const twist = (bits & 1) === 0 ? 0 : 0x9908_b0df
      state[i] = (state[(i + MIDDLE) % WORDS] ?? 0) ^ (bits >>> 1) ^ twist
    }
    this.#next = 0
  }
}
