/**
 * Canaries that are requests: a client has agreed that others verify one of its requests, somebody has answered it,
 * and another provider is asked the same. Nothing about such a canary is made up. Its text, its length and its
 * settings are a client's; the frames, the seed, the price and the payment are those of any request; and its time is
 * that of the traffic (`canaryTarget`). What is left to tell it by is that somebody has seen it before, so that:
 *
 * - it is asked once, and never of a provider that has had the request already, in whatever way;
 * - of two equal requests one becomes a canary at most;
 * - the latest is taken first: what clients ask by day they do not ask by night.
 */
export interface OptedInRequest {
  readonly model: string
  /** What tells it from other requests, such as its text. */
  readonly promptKey: string
  /** Who has had it. */
  readonly seenBy: string
  /** Unix ms. */
  readonly at: number
  /** It has been asked again. */
  readonly isUsed: boolean
}

/** Of requests in any order, the one to ask a provider; undefined when there is none for it. */
export function optedInFor<Request extends OptedInRequest>(
  provider: string,
  model: string,
  requests: Iterable<Request>,
): Request | undefined {
  let latest: Request | undefined
  for (const request of requests) {
    const suits = request.model === model && !request.isUsed && request.seenBy !== provider
    if (suits && (latest === undefined || request.at > latest.at)) latest = request
  }
  return latest
}
