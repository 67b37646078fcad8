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

  update(session: ProviderSession): void {
    const { offers, audits, now, onChange } = this.#options
    const models = offersOf(session)
    const isResting = audits?.placeOf(session.peer) === 'resting'
    if (isResting) this.#resting.add(session)
    else this.#resting.delete(session)
    offers.update(session, isResting ? [] : models, now())
    // Whose answers have proven good gets more work than a newcomer.
    if (audits !== undefined)
      for (const offer of models)
        offers.setTrust(session, offer.id, audits.trustOf(session.peer, offer))
    onChange(session)
  }

  left(session: ProviderSession): void {
    this.#resting.delete(session)
    this.#options.offers.update(session, [], this.#options.now())
  }

  /** Takes those back who have rested. Asked when somebody needs a provider, so that no timer has to run. */
  wakeRested(): void {
    for (const session of this.#resting)
      if (this.#options.audits?.placeOf(session.peer) !== 'resting') this.update(session)
  }
}
