import { targetOf } from '@infernet/schemas/payout-statement'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Capability, ModelOffer } from '@infernet/schemas/wire'
import type { Machine } from '@infernet/verification/challenge/machine-ties'

/** A provider as far as it may be one machine with another. */
export interface ProviderMachine extends Machine<PeerId> {
  readonly slots: number
  /** Jobs that it has now. */
  readonly inFlight: number
  /** What it serves now. */
  readonly offers: readonly ModelOffer[]
  /** How far its answers are trusted, 0 to 1. */
  readonly trust: () => number
}

/** What its capability record says of a provider's machine. */
export const machineOf = (
  id: PeerId,
  { hardware, payout }: Pick<Capability, 'hardware' | 'payout'>,
): Machine<PeerId> => ({
  id,
  cards: (hardware?.gpus ?? []).map(({ id_sha256: hash, mig = [], name }) => ({
    name,
    hash,
    isCut: mig.length > 0,
  })),
  paidTo: payout === undefined ? '' : targetOf(payout.to),
})
