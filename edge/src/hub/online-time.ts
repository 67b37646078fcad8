import type { PeerId } from '@infernet/schemas/peer-id'
import { LOOK_BACK_MS, type OnlineHour, type ProviderStore } from '../reputation/provider-port.ts'
import { forgetOldest } from './oldest-first.ts'

const HOUR_MS = 3_600_000
/** How often a provider's time is written down while it is busy: what a process that dies forgets. */
export const ONLINE_SAVED_EVERY_MS = 5 * 60_000
/** Hours written in one statement, some 400 KB of JSON. */
export const MAX_HOURS_PER_STATEMENT = 4_096
/** Hours waiting while a statement is under way: a full hub's that leaves, and as many again. */
export const MAX_WAITING_HOURS = 16_384

export interface OnlineTimeOptions {
  readonly store: Pick<ProviderStore, 'addOnlineTime'>
  /** ms since the epoch. */
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

/**
 * Writes down for how long providers are connected: when one leaves, and now and then while something happens. It
 * has no timer, so that an idle hub can hibernate; what has been counted so far is kept with the connection. Time
 * that cannot be written is lost, rather than counted twice.
 */
export class OnlineTime {
  readonly #options: OnlineTimeOptions
  /** Until when each connected provider's time is counted, ms since the epoch. */
  readonly #countedUntil = new Map<PeerId, number>()
  /** By provider and hour; insertion order is age. */
  readonly #waiting = new Map<string, OnlineHour>()
  #writing: Promise<void> | undefined

  constructor(options: OnlineTimeOptions) {
    this.#options = options
  }

  /** It is connected, and its time was counted until then. */
  joined(provider: PeerId, countedUntil: number): void {
    this.#countedUntil.set(provider, countedUntil)
  }

  countedUntil(provider: PeerId): number | undefined {
    return this.#countedUntil.get(provider)
  }

  /** Something happened: true when its time was counted, so that the connection has to keep that. Cheap. */
  seen(provider: PeerId): boolean {
    const from = this.#countedUntil.get(provider)
    const now = this.#options.now()
    if (from === undefined || now - from < ONLINE_SAVED_EVERY_MS) return false
    this.#countedUntil.set(provider, now)
    this.#count(provider, from, now)
    return true
  }

  left(provider: PeerId): void {
    const from = this.#countedUntil.get(provider)
    if (from === undefined) return
    this.#countedUntil.delete(provider)
    this.#count(provider, from, this.#options.now())
  }

  /** Resolves when nothing waits to be written any more; never rejects. */
  async written(): Promise<void> {
    await this.#writing
  }

  #count(provider: PeerId, from: number, until: number): void {
    for (const span of hoursOf(from, until)) {
      const key = `${provider} ${span.hour}`
      const onlineMs = span.onlineMs + (this.#waiting.get(key)?.onlineMs ?? 0)
      this.#waiting.set(key, { provider, hour: span.hour, onlineMs })
    }
    forgetOldest(this.#waiting, MAX_WAITING_HOURS)
    this.#writing ??= this.#write()
  }

  async #write(): Promise<void> {
    // All that leave in this turn leave together.
    await Promise.resolve()
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].slice(0, MAX_HOURS_PER_STATEMENT)
      for (const [key] of batch) this.#waiting.delete(key)
      try {
        await this.#options.store.addOnlineTime(batch.map(([, hour]) => hour))
      } catch (error) {
        this.#options.onError(error)
      }
    }
    this.#writing = undefined
  }
}

/**
 * The time from `from` to `until` (ms since the epoch), by the hours it lies in. What is longer ago than anybody looks
 * back is left out; a clock that went back makes no time.
 */
export function hoursOf(from: number, until: number): Omit<OnlineHour, 'provider'>[] {
  const hours: Omit<OnlineHour, 'provider'>[] = []
  let at = Math.max(from, until - LOOK_BACK_MS)
  while (at < until) {
    const hour = at - (at % HOUR_MS)
    const end = Math.min(until, hour + HOUR_MS)
    hours.push({ hour, onlineMs: end - at })
    at = end
  }
  return hours
}
