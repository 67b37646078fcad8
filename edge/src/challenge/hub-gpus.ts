import { CLOSE, type CloseCode } from '@infernet/schemas/close-codes'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Capability, ModelOffer } from '@infernet/schemas/wire'
import type { SharedGpu } from '../ports.ts'
import { REST_GRACE_MS } from './challenge-limits.ts'
import { ClaimedCards } from './claimed-cards.ts'
import { GpuRests, type GpuRest } from './gpu-rests.ts'
import { machineOf, type ProviderMachine } from './provider-machine.ts'

interface GpuSession {
  readonly peer: PeerId
  readonly capability: Capability
  /** Jobs it runs at once now. */
  readonly slots: number
  readonly inFlight: number
}

export interface HubGpusOptions<Session extends GpuSession> {
  /** Those that are connected, in the order in which they came. */
  readonly sessions: ReadonlyMap<PeerId, Session>
  /** Whether it gets jobs now. */
  readonly serves: (session: Session) => boolean
  /** How far a provider's answers are trusted, 0 to 1. */
  readonly trustOf: (peer: PeerId, offer: ModelOffer) => number
  /** ms since the epoch. */
  readonly now: () => number
  readonly later: (task: () => void, delayMs: number) => void
  /** It rests, or does not any more: its offers count no more, or again. */
  readonly onRest: (session: Session) => void
  readonly sendAway: (session: Session, code: CloseCode, message: string) => void
}

interface Refusal {
  readonly code: typeof CLOSE.sharedGpu
  readonly fault: 'shared_gpu'
  readonly message: string
}

/** Lets one GPU be one provider of a hub: by the cards that are announced, and by what challenges have found. */
export class HubGpus<Session extends GpuSession> {
  readonly #options: HubGpusOptions<Session>
  readonly #cards = new ClaimedCards()
  readonly #rests: GpuRests

  constructor(options: HubGpusOptions<Session>) {
    this.#options = options
    const { now, sessions } = options
    this.#rests = new GpuRests({ isHere: (peer) => sessions.has(peer), now })
  }

  /** Why a provider may not be here with these cards; undefined where it may. */
  cardRefusal(peer: PeerId, capability: Capability): Refusal | undefined {
    const owner = this.#cards.ownerOf(peer, capability)
    return owner === undefined ? undefined : refused(`your GPU serves as ${owner}`)
  }

  /** Why a provider may not come now; undefined where it may. Who is here already may end its jobs. */
  restRefusal(peer: PeerId): Refusal | undefined {
    const rest = this.#rests.restOf(peer)
    return rest && refused(found(rest))
  }

  /** It has come, or announces other cards. Who rests beside it has to go. */
  joined({ capability, peer }: Session): void {
    this.#cards.claim(peer, capability)
    for (const other of this.#rests.beside(peer)) this.#send(other)
  }

  left(peer: PeerId): void {
    this.#cards.release(peer)
  }

  /** A challenge found that two are one machine: the one that rests goes at once when idle, else after REST_GRACE_MS. */
  rest(rest: GpuRest): void {
    this.#rests.add(rest)
    this.#send(rest)
  }

  isResting(peer: PeerId): boolean {
    return this.#rests.restOf(peer) !== undefined
  }

  /** What is to be said of these providers. */
  of(peers: readonly PeerId[]): readonly SharedGpu[] {
    return this.#rests.of(peers)
  }

  /** Those that serve now, in the order in which they came. */
  machines(): readonly ProviderMachine[] {
    const { serves, sessions, trustOf } = this.#options
    const serving = [...sessions.values()].filter(serves)
    return serving.map(({ capability, inFlight, peer, slots }) => ({
      ...machineOf(peer, capability),
      slots,
      inFlight,
      offers: capability.models,
      trust: () => Math.max(0, ...capability.models.map((offer) => trustOf(peer, offer))),
    }))
  }

  #send(rest: GpuRest): void {
    const { later, onRest, sendAway, sessions } = this.#options
    const session = sessions.get(rest.peer)
    if (session === undefined) return
    const go = (): void => {
      const isSame = sessions.get(rest.peer) === session
      if (isSame && this.isResting(rest.peer)) sendAway(session, CLOSE.sharedGpu, found(rest))
    }
    if (session.inFlight === 0) return go()
    onRest(session)
    later(go, REST_GRACE_MS)
  }
}

const refused = (message: string): Refusal => ({
  code: CLOSE.sharedGpu,
  fault: 'shared_gpu',
  message,
})

const found = ({ beside }: GpuRest): string =>
  `challenges show that your GPU serves as ${beside} too`
