import { hourWeights, requestsPerDay, type TrafficMix } from './traffic-mix.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/** At most this share of a provider's requests is replaced: the rest has to earn its keep. */
const MAX_REPLACED_SHARE = 0.25

/** Steps of a search that takes some 24 at most, unless `random` is none. */
const MAX_STEPS = 10_000

/**
 * Whether a canary takes the place of this request, which goes to another provider instead. Each request of the
 * traffic is chosen independently, so canaries come in its own rhythm: same gaps, same hours, same load. The way to
 * send canaries wherever there is traffic. `mix` is that of the provider's requests.
 */
export function replacesRequest(mix: TrafficMix, perDay: number, random: () => number): boolean {
  const requests = requestsPerDay(mix)
  return requests > 0 && random() < Math.min(perDay / requests, MAX_REPLACED_SHARE)
}

/**
 * When the next canary is due for a provider whose requests are too few to replace any: a Poisson process as strong
 * as the spec's traffic is at each hour of the day, made by thinning one of its peak. Unix ms, after `after`.
 */
export function nextDueAt(
  mix: TrafficMix,
  perDay: number,
  after: number,
  random: () => number,
): number {
  const weights = hourWeights(mix)
  const peak = Math.max(...weights)
  let at = after
  for (let step = 0; step < MAX_STEPS; step++) {
    at -= (Math.log1p(-random()) * DAY_MS) / (perDay * peak)
    if (random() * peak < (weights[hourOf(at)] ?? 0)) break
  }
  return at
}

/** Hour of day, UTC, of a Unix time in ms. */
export const hourOf = (ms: number): number => Math.floor((ms % DAY_MS) / HOUR_MS)
