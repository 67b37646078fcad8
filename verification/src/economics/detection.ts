import { normal, type Random } from './random.ts'

/** Audited tokens until the evidence against a cheat that always cheats is {@link MEASURED_EVIDENCE}. */
export interface TokensToDetection {
  readonly median: number
  /** In nine cases of ten. */
  readonly ninetieth: number
}

/**
 * Measured with a real llama.cpp and a toy model that was trained for it, 128-token answers, honest noise as
 * between two kinds of GPU; both tests together. Undefined: it was never told from an honest provider.
 */
export const MEASURED = {
  q4: { median: 5, ninetieth: 8 },
  fp8: { median: 18, ninetieth: 36 },
  q4Forged: { median: 122, ninetieth: 236 },
  smallForged: { median: 9, ninetieth: 17 },
  cached: { median: 7, ninetieth: 9 },
  /** 8-bit weights that report the logprobs of the 16-bit ones: too few tokens differ. */
  q8Forged: undefined,
} as const satisfies Record<string, TokensToDetection | undefined>

/** The evidence (e-value) at which those counts were taken. */
const MEASURED_EVIDENCE = 10_000
/**
 * The toy model is undecided at 2.2 nats a token, chat models at 0.3 to 0.8: fewer tokens of theirs tell
 * anything. Ten times as many tokens is more than that ratio.
 */
export const CAUTION = 10

/** The deviation of an honest job's evidence, in nats. Real ones mostly lie far below 1; this is cautious. */
const HONEST_DEVIATION = 1
/** Standard normal: nine draws of ten are below. */
const Z90 = 1.2816

/** ln e of an audited honest job: log-normal with mean exactly 1, all that an e-value may have. */
export const honestLogE = (random: Random): number =>
  HONEST_DEVIATION * normal(random) - HONEST_DEVIATION ** 2 / 2

/**
 * ln e of an audited cheated job with `tokens` tokens: the drift and spread per token that have the measured
 * median and 90 % of tokens to detection.
 */
export function cheatedLogE(
  random: Random,
  tokens: number,
  detection: TokensToDetection | undefined,
): number {
  if (detection === undefined) return honestLogE(random)
  const bound = Math.log(MEASURED_EVIDENCE)
  const drift = bound / (detection.median * CAUTION)
  const last = detection.ninetieth * CAUTION
  const spread = (last * drift - bound) / (Z90 * Math.sqrt(last))
  return tokens * drift + Math.sqrt(tokens) * spread * normal(random)
}
