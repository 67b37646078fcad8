/**
 * What an engine makes of seed and logits, as far as a replay has to know. At temperature 0 all are the
 * same: the likeliest token. Variants differ with the engine's version, so a spec names one.
 */
export const REPLAY_RULES = {
  /**
   * llama.cpp from v0.5.0, as node-llama-cpp 3.22.1 chains it: top_k, top_p, min_p, temperature, dist. One
   * double a token, drawn even when a single candidate is left, for GPUs do the same. (A chain that cuts
   * nothing at all, as llama-server can be told to run, walks the vocabulary by id: not this.)
   */
  'llama-cpp': { family: 'inverse-cdf', drawsForOne: true },
  /** llama.cpp before that: nothing is drawn when a single candidate is left. */
  'llama-cpp-early-out': { family: 'inverse-cdf', drawsForOne: false },
  /** vLLM's Model Runner V2: the best sum of tempered logit and Gumbel noise, which comes from Philox. */
  'vllm-gumbel': { family: 'gumbel', noise: 'philox' },
  /** The same as of 0.32.0: the noise comes from MurmurHash3 of seed, place and token. */
  'vllm-gumbel-murmur': { family: 'gumbel', noise: 'murmur' },
  /** Drawn in a way that nobody but the engine can repeat. */
  none: { family: 'none' },
} as const

export type ReplayVariant = keyof typeof REPLAY_RULES

/** Those whose draws follow from the seed. */
export type SeededVariant = Exclude<ReplayVariant, 'none'>
