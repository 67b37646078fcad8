import type { PeerId } from '@infernet/schemas/peer-id'
import { forgetOldest } from '../hub/oldest-first.ts'
import type { SharedGpu } from '../ports.ts'
import { MAX_RESTS } from './challenge-limits.ts'

/** One of two providers that are one machine rests, as long as the other is here. */
export interface GpuRest {
  readonly peer: PeerId
  /** The one that serves. */
  readonly beside: PeerId
  /** ms since the epoch. */
  readonly since: number
  readonly until: number
}

/** Who rests because another has its machine. A hub that starts anew asks anew. */
export class GpuRests {
  readonly #rests = new Map<PeerId, GpuRest>()
  readonly #isHere: (peer: PeerId) => boolean
  readonly #now: () => number

  constructor(options: { readonly isHere: (peer: PeerId) => boolean; readonly now: () => number }) {
    this.#isHere = options.isHere
    this.#now = options.now
  }

  add(rest: GpuRest): void {
    this.#rests.delete(rest.peer)
    this.#rests.set(rest.peer, rest)
    forgetOldest(this.#rests, MAX_RESTS)
  }

  /** Beside whom a provider rests now; undefined where it does not. */
  restOf(peer: PeerId): GpuRest | undefined {
    const rest = this.#rests.get(peer)
    if (rest === undefined || !this.#isHere(rest.beside)) return undefined
    if (this.#now() < rest.until) return rest
    this.#rests.delete(peer)
    return undefined
  }

  /** Who rests beside a provider. */
  beside(peer: PeerId): readonly GpuRest[] {
    const all = [...this.#rests.values()]
    return all.filter((rest) => rest.beside === peer && this.restOf(rest.peer) !== undefined)
  }

  /** What is to be said of these providers. */
  of(peers: readonly PeerId[]): readonly SharedGpu[] {
    const asked = new Set(peers)
    return [...this.#rests.keys()].flatMap((resting) => {
      const rest = this.restOf(resting)
      return rest === undefined ? [] : sidesOf(rest).filter(({ peer }) => asked.has(peer))
    })
  }
}

const sidesOf = ({ peer, beside, since, until }: GpuRest): readonly SharedGpu[] => [
  { peer, other: beside, isResting: true, since, until },
  { peer: beside, other: peer, isResting: false, since, until },
]
