import { specIdOf } from '@infernet/schemas/model-spec'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { ModelOffers } from './model-offers.ts'

/** By what spec a provider serves a model now; undefined where it does not, or does not say. */
export function specOf(offers: ModelOffers, peer: PeerId, model: string): string | undefined {
  const spec = offers.find(model, peer)?.offer.spec
  return spec && specIdOf(spec)
}

/** Who serves a model by that spec now. */
export function peersOf(offers: ModelOffers, model: string, spec: string): PeerId[] {
  const candidates = [...(offers.shelf(model)?.candidates() ?? [])]
  return candidates.flatMap(({ draining, offer, peer }) => {
    const isSame = !draining && offer.spec !== undefined && specIdOf(offer.spec) === spec
    return isSame ? [peer] : []
  })
}
