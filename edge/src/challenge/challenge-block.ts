import type { PeerId } from '@infernet/schemas/peer-id'
import type { Endpoint } from '@infernet/schemas/wire'
import { slowedIn, type Slowed } from '@infernet/verification/challenge/pair-evidence'
import type { Round } from '@infernet/verification/challenge/round-order'
import { MAX_STREAMS } from './challenge-limits.ts'
import { generatesBy } from './challenge-prompt.ts'
import { roundPaces, type Asking, type RoundParts } from './challenge-round.ts'
import type { ProviderMachine } from './provider-machine.ts'

/** What one of a pair is asked. */
export interface Contender {
  readonly provider: PeerId
  readonly model: string
  readonly endpoint: Endpoint
}

/** How to ask all that a provider can do at a time; undefined where it makes no tokens. */
export function contenderOf({ id, offers, slots }: ProviderMachine): Asking<Contender> | undefined {
  for (const offer of offers) {
    const endpoint = generatesBy(offer)
    if (endpoint === undefined) continue
    const asked = { provider: id, model: offer.id, endpoint }
    return { asked, streams: Math.min(slots, MAX_STREAMS) }
  }
  return undefined
}

export interface BlockParts extends RoundParts<Contender> {
  /** In [0, 1), and nobody can foresee it. */
  readonly random: () => number
  /** The longest pause before a round, ms. */
  readonly pauseMs: number
}

/** Asks each of a pair alone, and both together, in that order. Rejects when the account cannot pay, or the signal aborts. */
export async function challengeBlock(
  [first, second]: readonly [Asking<Contender>, Asking<Contender>],
  order: readonly Round[],
  parts: BlockParts,
  signal: AbortSignal,
): Promise<Slowed> {
  const who: Record<Round, readonly Asking<Contender>[]> = {
    first: [first],
    second: [second],
    together: [first, second],
  }
  const paces: Record<Round, readonly number[]> = { first: [], second: [], together: [] }
  for (const round of order) {
    await parts.sleep(parts.random() * parts.pauseMs, signal)
    paces[round] = await roundPaces(who[round], parts, signal)
  }
  const of = (n: 0 | 1, alone: Round) => ({
    alone: paces[alone][0] ?? 0,
    together: paces.together[n] ?? 0,
    streams: (n === 0 ? first : second).streams,
  })
  return slowedIn(of(0, 'first'), of(1, 'second'))
}
