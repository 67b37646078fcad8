import type { PeerId } from '@infernet/schemas/peer-id'
import type { ModelOffer } from '@infernet/schemas/wire'
import type { AuditDesk } from '../audit/audit-desk.ts'
import type { ModelOffers } from './model-offers.ts'
import type { ProviderSession } from './provider-session.ts'

/** What a provider offers now: nothing once it drains. */
export const offersOf = ({ capability, draining }: ProviderSession): readonly ModelOffer[] =>
  draining ? [] : capability.models

export interface PlacedOffersOptions {
  readonly offers: ModelOffers
  /** Absent: nothing is audited, and everybody counts alike. */
  readonly audits: Pick<AuditDesk, 'placeOf' | 'trustOf'> | undefined
  /** It rests for another reason than what audits say. */
  readonly isResting: (peer: PeerId) => boolean
  /** ms since the epoch. */
  readonly now: () => number
  /** A provider has more or less to give than before. */
  readonly onChange: (session: ProviderSession) => void
}

/** Lets offers count as far as audits say: none while their provider rests, and each as it is trusted. */
export class PlacedOffers {
  readonly #options: PlacedOffersOptions
  /** Suspended for some time. */
  readonly #resting = new Set<ProviderSession>()

  constructor(options: PlacedOffersOptions) {
    this.#options = options
  }

  /** It offers something else. */
  update(session: ProviderSession): void {
    const { offers, now, onChange } = this.#options
    const isResting = this.rests(session)
    if (isResting) this.#resting.add(session)
    else this.#resting.delete(session)
    offers.update(session, isResting ? [] : offersOf(session), now())
    this.#trust(session)
    onChange(session)
  }

  /** More is known of its provider. */
  judged(session: ProviderSession): void {
    if (this.rests(session) === this.#resting.has(session)) this.#trust(session)
    else this.update(session)
  }

  /** It is here, and nothing that it offers counts. */
  rests({ peer }: ProviderSession): boolean {
    const { audits, isResting } = this.#options
    return audits?.placeOf(peer) === 'resting' || isResting(peer)
  }

  /** Whose answers have proven good gets more work than a newcomer. */
  #trust(session: ProviderSession): void {
    const { offers, audits } = this.#options
    if (audits === undefined) return
    for (const offer of offersOf(session))
      offers.setTrust(session, offer.id, audits.trustOf(session.peer, offer))
  }

  left(session: ProviderSession): void {
    this.#resting.delete(session)
    this.#options.offers.update(session, [], this.#options.now())
  }

  /** Takes those back who have rested. Asked when somebody needs a provider, so that no timer has to run. */
  wakeRested(): void {
    for (const session of this.#resting) if (!this.rests(session)) this.update(session)
  }
}
