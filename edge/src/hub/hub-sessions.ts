import type { PeerId } from '@infernet/schemas/peer-id'
import type { HubOptions } from './hub-options.ts'
import { OnlineTime } from './online-time.ts'
import type { ProviderSession } from './provider-session.ts'

export interface HubSessionsOptions extends Pick<HubOptions, 'hours' | 'now'> {
  readonly store: Pick<HubOptions['store'], 'providerSeen'>
  readonly events: Pick<HubOptions['events'], 'storeFailed'>
}

/**
 * The providers that are here, one connection each, and what is written down of that: who they are, for how long
 * they were here, and with the connection what it is after this hub's sleep.
 */
export class HubSessions {
  readonly #options: HubSessionsOptions
  readonly #byPeer = new Map<PeerId, ProviderSession>()
  readonly #online: OnlineTime | undefined

  constructor(options: HubSessionsOptions) {
    this.#options = options
    const { events, hours, now } = options
    this.#online =
      hours &&
      new OnlineTime({
        store: hours,
        now,
        onError: (error) => events.storeFailed('addOnlineTime', error),
      })
  }

  /** In the order in which they came. */
  get byPeer(): ReadonlyMap<PeerId, ProviderSession> {
    return this.#byPeer
  }

  get(peer: PeerId): ProviderSession | undefined {
    return this.#byPeer.get(peer)
  }

  /** It is here, and no later connection of its provider is. */
  isCurrent(session: ProviderSession): boolean {
    return this.#byPeer.get(session.peer) === session
  }

  /** It has come, and its time was counted until then, ms since the epoch. */
  add(session: ProviderSession, countedUntil: number): void {
    this.#byPeer.set(session.peer, session)
    this.#online?.joined(session.peer, countedUntil)
  }

  /** It has gone. */
  remove({ peer }: ProviderSession): void {
    this.#byPeer.delete(peer)
    this.#online?.left(peer)
  }

  /** Something has happened with it: what it was here for may be written down. */
  seen(session: ProviderSession): void {
    if (!session.gone && this.#online?.seen(session.peer) === true) this.save(session)
  }

  /** Keeps with the connection what it is, for when this hub has slept. */
  save({ peer, capability, issuedAt, socket }: ProviderSession): void {
    const countedUntil = this.countedUntil(peer)
    const counted = countedUntil === undefined ? {} : { countedUntil }
    socket.save({ stage: 'ready', peer, capability, issuedAt, ...counted })
  }

  /** What it is now is kept and written down. */
  changed(session: ProviderSession): void {
    this.#online?.seen(session.peer)
    this.save(session)
    this.remember(session)
  }

  /** Verifiers serve nobody: what is known of one that was a provider before stays what it was. */
  remember({ announcement, capability, peer }: ProviderSession): void {
    if (capability.role === 'verifier') return
    const { events, store } = this.#options
    store.providerSeen(peer, capability, announcement).catch((error: unknown) => {
      events.storeFailed('providerSeen', error)
    })
  }

  /** Until when the time of a provider that is here is counted, ms since the epoch; undefined where nobody counts. */
  countedUntil(peer: PeerId): number | undefined {
    return this.#online?.countedUntil(peer)
  }

  /** Resolves when it is written down for how long those who have left were here; never rejects. */
  async hoursWritten(): Promise<void> {
    await this.#online?.written()
  }
}
