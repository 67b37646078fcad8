import type { Ranking, Rest } from './ranking.ts'

/** Weights of a place's candidates at some temperature, as multiples of the likeliest's. */
export interface Masses {
  /** At i: of the i likeliest together. */
  readonly first: Float64Array
  /** Of those of the rest that top_k leaves, at least and at most. */
  readonly leastRest: number
  readonly mostRest: number
}

/** Weighs a place's candidates. `topK` is Infinity where it keeps all. */
export function massesAt(ranking: Ranking, temperature: number, topK: number): Masses {
  const { logits, rest, settled } = ranking
  const first = new Float64Array(logits.length + 1)
  let sum = 0
  for (const [i, logit] of logits.entries()) {
    sum += Math.exp(logit / temperature)
    first[i + 1] = sum
  }
  const leastRest = leastWeight(rest, temperature, topK - logits.length)
  return { first, leastRest, mostRest: mostWeight(rest, temperature, topK - settled) }
}

/**
 * The rest's probability is known, not how it is spread. Below temperature 1 its weight is the greater the
 * fewer tokens share it, above 1 the smaller; so one bound has it all on tokens as likely as the least
 * likely that was listed, and the other has it spread evenly.
 */
function mostWeight({ most, logit, count }: Rest, temperature: number, places: number): number {
  const tokens = Math.min(count, places)
  if (most === 0 || tokens <= 0) return 0
  const each = Math.exp(logit)
  const mass = Math.min(most, tokens * each)
  return temperature <= 1 ? onFew(mass, each, temperature) : spread(mass, tokens, temperature)
}

function leastWeight({ least, logit, count }: Rest, temperature: number, places: number): number {
  if (least === 0 || places <= 0) return 0
  // The likeliest of them have at least their share by number.
  const mass = places >= count ? least : (least * places) / count
  if (mass === 0) return 0
  return temperature <= 1
    ? spread(mass, Math.min(count, places), temperature)
    : onFew(mass, Math.exp(logit), temperature)
}

const onFew = (mass: number, each: number, temperature: number): number =>
  mass * each ** (1 / temperature - 1)

const spread = (mass: number, tokens: number, temperature: number): number =>
  mass ** (1 / temperature) * tokens ** (1 - 1 / temperature)
