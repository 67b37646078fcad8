import { MAX_CLOCK_SKEW_MS } from '@infernet/schemas/limits'

/** Every number that the checks judge by. Nats are natural-log units of probability. */
export interface PlausibilityRules {
  /** An honest draw may look suspicious this often, by the claimed probabilities themselves. */
  readonly falseAlarm: number
  /** No sampler that cuts its tail draws a token so unlikely, nats. */
  readonly neverNats: number
  /** Tokens so unlikely are counted, nats ... */
  readonly rareNats: number
  /** ... and fewer of them say nothing. */
  readonly rareTokens: number
  /** An EOS that ended an answer although less likely than this did not end it by chance, nats. */
  readonly earlyEndNats: number
  /** An answer of at least so many tokens that all are all but certain is worth a note. */
  readonly perfectTokens: number
  /** Above this a token counts as all but certain, nats. */
  readonly perfectNats: number
  /** What a position's probabilities may exceed 1 by: rounded logprobs are another check's. */
  readonly massTolerance: number
  /** Logprobs needed before their digits are judged. */
  readonly roundingSample: number
  /** Times that claimed tokens may exceed what the edge counted. */
  readonly usageFactor: number
  /** Times that a speed may exceed its bound: clocks, caches and datasheets are not exact. */
  readonly speedFactor: number
  /** Shorter answers have no speed, tokens. */
  readonly speedTokens: number
  /** What the edge's times may be short by: whole ms, timers, a busy event loop. */
  readonly clockMs: number
  /** What two clocks may move apart while an answer is made, when one of them is set. */
  readonly skewMs: number
}

/** The nats and the factor of usage are Targon's, shaped by its adversaries. */
export const DEFAULT_RULES: PlausibilityRules = {
  falseAlarm: 1e-4,
  neverNats: -13,
  rareNats: -8,
  rareTokens: 5,
  earlyEndNats: -8,
  perfectTokens: 64,
  perfectNats: -1e-3,
  massTolerance: 1e-2,
  roundingSample: 64,
  usageFactor: 2,
  speedFactor: 1.5,
  speedTokens: 32,
  clockMs: 25,
  skewMs: MAX_CLOCK_SKEW_MS,
}
