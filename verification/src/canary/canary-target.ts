/** A request that a provider was given. */
export interface GivenRequest<Provider extends string = string> {
  readonly provider: Provider
  /** Unix ms. */
  readonly at: number
}

/** Who gets a canary, and when. */
export interface CanaryTarget<Provider extends string = string> {
  readonly provider: Provider
  /** From now on. 0 wherever another provider has just been given a request of the same model. */
  readonly delayMs: number
}

/** Gaps from which a rhythm can be told. */
const LEAST_GAPS = 8
/** A canary that would be later than this is none: much may have changed by then. */
const MAX_DELAY_MS = 600_000

/**
 * Whom to send a canary at the moment when a request of its model, the last of `given`, goes to a provider. Somebody
 * else gets it, at once: as if one request more had come and been given to them. So canaries come whenever requests
 * come, in bursts and pauses alike, and their times say nothing. Drawn from the latest requests, each provider
 * has as many canaries for its requests as any other.
 *
 * Whoever is alone with a model gets it after a delay that is drawn as if its requests came independently of each
 * other (Poisson), which a provider with bursts can tell. Undefined while its rhythm is unknown.
 */
export function canaryTarget<Provider extends string>(
  given: readonly GivenRequest<Provider>[],
  random: () => number,
): CanaryTarget<Provider> | undefined {
  const last = given.at(-1)
  if (last === undefined) return undefined
  const others = given.filter(({ provider }) => provider !== last.provider)
  const chosen = others[Math.floor(random() * others.length)]
  if (chosen !== undefined) return { provider: chosen.provider, delayMs: 0 }
  const first = given[0] ?? last
  const gaps = given.length - 1
  if (gaps < LEAST_GAPS) return undefined
  const delayMs = (-Math.log1p(-random()) * (last.at - first.at)) / gaps
  return delayMs <= MAX_DELAY_MS ? { provider: last.provider, delayMs } : undefined
}
