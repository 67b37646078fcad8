import type { PeerId } from '@infernet/schemas/peer-id'

/** A connection of a provider; undefined: it had none. */
export type ConnectionNumber = number | undefined

/** Who is here, and what was lost with connections that broke. */
export class Connections {
  readonly #present = new Map<PeerId, number>()
  /** Of who has lost one with answers to show: the last one that was counted. */
  readonly #counted = new Map<PeerId, ConnectionNumber>()
  #made = 0

  /** A provider has come, or has come again in place of a connection that it had. */
  joined(provider: PeerId): void {
    this.#present.set(provider, ++this.#made)
  }

  left(provider: PeerId): void {
    this.#present.delete(provider)
  }

  has(provider: PeerId): boolean {
    return this.#present.has(provider)
  }

  of(provider: PeerId): ConnectionNumber {
    return this.#present.get(provider)
  }

  /** Whether a provider still has the connection that it had. */
  isKept(provider: PeerId, connection: ConnectionNumber): boolean {
    return connection !== undefined && this.#present.get(provider) === connection
  }

  /**
   * Whether what a provider owed on a connection counts against it. All that was lost with one counts once: who dies
   * does so with every answer that it has to show.
   */
  counts(provider: PeerId, connection: ConnectionNumber): boolean {
    if (this.isKept(provider, connection)) return true
    if (this.#counted.has(provider) && this.#counted.get(provider) === connection) return false
    this.#counted.set(provider, connection)
    return true
  }

  /** Nothing is owed any more by a provider that has left. */
  forget(provider: PeerId): void {
    this.#counted.delete(provider)
  }
}
