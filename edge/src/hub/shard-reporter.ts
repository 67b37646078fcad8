import type { PeerId } from '@infernet/schemas/peer-id'
import {
  MAX_REPORT_ATTEMPTS,
  MAX_REPORTED_LOGINS,
  MAX_UNREPORTED_LOGINS,
  REPORT_INTERVAL_MS,
  REPORT_MAX_BACKOFF_MS,
  REPORTED_CHANGE,
} from './shard-limits.ts'
import type { ShardLogin, ShardSnapshot } from './shard-snapshot.ts'

export interface ShardReporterOptions {
  /** The shard as it is now. */
  readonly snapshot: () => ShardSnapshot
  /** Tells the directory, also of the providers that have logged in here since the last report. */
  readonly send: (snapshot: ShardSnapshot, logins: readonly ShardLogin[]) => Promise<void>
  /** Runs `task` once after `delayMs`. */
  readonly later: (task: () => void, delayMs: number) => void
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

/**
 * Tells the directory how a shard is doing: when that has changed by enough to matter, and at most
 * once a second. It keeps no timer while nothing changes, so that a quiet hub can hibernate, and its
 * last change is always told before it does.
 */
export class ShardReporter {
  readonly #options: ShardReporterOptions
  /** Those that the directory has not confirmed, by key. */
  readonly #logins = new Map<PeerId, ShardLogin>()
  #sent: ShardSnapshot | undefined
  #sentAt = Number.NEGATIVE_INFINITY
  #due = false
  #failures = 0

  constructor(options: ShardReporterOptions) {
    this.#options = options
  }

  /** A provider has logged in: its key must not be live in another shard. */
  loggedIn(login: ShardLogin): void {
    const { peer } = login
    if (this.#logins.has(peer) || this.#logins.size < MAX_UNREPORTED_LOGINS) {
      this.#logins.set(peer, login)
    }
    this.touch()
  }

  /** Something may have changed. Cheap: called for every job. */
  touch(): void {
    if (this.#due) return
    this.#due = true
    const { now, later } = this.#options
    const wait = this.#sentAt + REPORT_INTERVAL_MS - now()
    later(() => void this.#report(), Math.max(0, wait))
  }

  async #report(): Promise<void> {
    const { snapshot, send, now, onError } = this.#options
    const next = snapshot()
    if (this.#logins.size === 0 && !worthTelling(this.#sent, next)) {
      this.#due = false
      return
    }
    const logins = [...this.#logins.values()].slice(0, MAX_REPORTED_LOGINS)
    this.#sentAt = now()
    try {
      await send(next, logins)
    } catch (error) {
      onError(error)
      return this.#retry()
    }
    this.#failures = 0
    this.#sent = next
    for (const login of logins) {
      // The key may have logged in anew meanwhile.
      if (this.#logins.get(login.peer) === login) this.#logins.delete(login.peer)
    }
    this.#due = false
    // Whatever changed while it was on its way.
    this.touch()
  }

  #retry(): void {
    this.#failures++
    if (this.#failures >= MAX_REPORT_ATTEMPTS) {
      this.#failures = 0
      this.#due = false
      return
    }
    const wait = Math.min(REPORT_INTERVAL_MS * 2 ** this.#failures, REPORT_MAX_BACKOFF_MS)
    this.#options.later(() => void this.#report(), wait)
  }
}

/** Whether readers would act otherwise if they knew. */
function worthTelling(sent: ShardSnapshot | undefined, next: ShardSnapshot): boolean {
  if (sent === undefined) return true
  if (sent.offers !== next.offers || sent.providers !== next.providers) return true
  return next.freeSlots.some((free, index) => {
    const before = sent.freeSlots[index] ?? 0
    const slots = next.slots[index] ?? 0
    return (free === 0) !== (before === 0) || Math.abs(free - before) > slots * REPORTED_CHANGE
  })
}
