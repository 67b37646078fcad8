import type { PeerId } from '@infernet/schemas/peer-id'
import type { Capability } from '@infernet/schemas/wire'
import { wholeCards } from '@infernet/verification/challenge/machine-ties'
import { machineOf } from './provider-machine.ts'

/** Whose each card is, of those that are here: who came first has it until it leaves. */
export class ClaimedCards {
  readonly #owners = new Map<string, PeerId>()
  readonly #cards = new Map<PeerId, readonly string[]>()

  /** Who else has one of these cards. */
  ownerOf(peer: PeerId, capability: Capability): PeerId | undefined {
    return cardsOf(peer, capability)
      .map((card) => this.#owners.get(card))
      .find((owner) => owner !== undefined && owner !== peer)
  }

  /** It is here with these cards, in place of those that it had. */
  claim(peer: PeerId, capability: Capability): void {
    this.release(peer)
    const cards = cardsOf(peer, capability)
    if (cards.length === 0) return
    this.#cards.set(peer, cards)
    for (const card of cards) if (!this.#owners.has(card)) this.#owners.set(card, peer)
  }

  release(peer: PeerId): void {
    for (const card of this.#cards.get(peer) ?? [])
      if (this.#owners.get(card) === peer) this.#owners.delete(card)
    this.#cards.delete(peer)
  }
}

/** Verifiers serve nobody. */
const cardsOf = (peer: PeerId, capability: Capability): readonly string[] =>
  capability.role === 'verifier' ? [] : wholeCards(machineOf(peer, capability))
