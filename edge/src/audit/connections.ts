import type { PeerId } from '@infernet/schemas/peer-id'

/** Which connection of their provider answers came over, and what was lost with those that broke. */
export class Connections {
  /** Of who is here: its connection. */
  readonly #present = new Map<PeerId, object>()
  /** Those that have counted against who lost them. */
  readonly #counted = new Map<PeerId, WeakSet<object>>()

  /** A provider has come, or has come again in place of a connection that it had. */
  joined(provider: PeerId, connection: object): void {
    this.#present.set(provider, connection)
  }

  left(provider: PeerId): void {
    this.#present.delete(provider)
  }

  has(provider: PeerId): boolean {
    return this.#present.has(provider)
  }

  /** Whether a provider still has that connection. */
  isKept(provider: PeerId, connection: object): boolean {
    return this.#present.get(provider) === connection
  }

  /**
   * Whether what a provider owed on a connection counts against it. All that was lost with one counts once: who dies
   * does so with every answer that it has to show.
   */
  counts(provider: PeerId, connection: object): boolean {
    if (this.isKept(provider, connection)) return true
    const counted = this.#counted.get(provider) ?? new WeakSet()
    if (counted.has(connection)) return false
    this.#counted.set(provider, counted.add(connection))
    return true
  }

  /** Nothing is owed any more by a provider that has left. */
  forget(provider: PeerId): void {
    this.#counted.delete(provider)
  }
}
