import { tailEvidence } from './tail-bets.ts'
import type { Tail } from './tail.ts'

/** e that an honest request may reach by chance among some hundreds, and not more. */
const MAX_HONEST_LOG_E = Math.log(3)
/**
 * Of 200 requests whose noise is log-normal the noisiest is 2.6 standard deviations out; twice its room
 * reaches beyond five.
 */
const HEADROOM = 2
const STEP = 1.05
/** A tail that nearly all honest tokens lie in tells nothing. */
const MAX_RATE = 0.9

/**
 * The tails with room for requests that are noisier than most: rates R become R^(1/room).
 *
 * Rates over all tokens hold on average over requests, and bets multiply over a request's tokens: where
 * the noise of requests differs by as little as 10 %, one honest request in a hundred would fail (other
 * prompts have other entropy; noise is autocorrelated). Noise r times as strong turns tails R into
 * about R^(1/r²), which is also the alternative that the bets suppose. So the least room is taken at
 * which no honest request has noteworthy evidence against it, and HEADROOM times its logarithm. The
 * assumption left: no honest request is noisier than that.
 */
export function withRoom(
  requests: readonly (readonly number[])[],
  measured: readonly Tail[],
  minRate: number,
): Tail[] {
  const noteworthy = (tails: readonly Tail[]): boolean =>
    requests.some((values) => tailEvidence(values, tails) > MAX_HONEST_LOG_E)
  let room = 1
  // Ends: with room enough no tail is left, and no evidence.
  while (noteworthy(widened(measured, room, minRate))) room *= STEP
  return widened(measured, room ** HEADROOM, minRate)
}

/** Only tails that tell something are kept: rates at the floor fall no further. */
function widened(measured: readonly Tail[], room: number, minRate: number): Tail[] {
  const tails: Tail[] = []
  for (const { above, rate } of measured) {
    const wide = Math.max(minRate, rate ** (1 / room))
    const inner = tails.at(-1)
    const falls = inner === undefined || (above > inner.above && wide < inner.rate)
    if (wide <= MAX_RATE && falls) tails.push({ above, rate: wide })
  }
  return tails
}
