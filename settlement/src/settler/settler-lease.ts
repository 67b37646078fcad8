import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { askRows, type Database } from '../db/database.ts'
import { DbUnavailable } from '../db/db-port.ts'
import type { NodeInfo } from '../lightning/lightning-backend.ts'

/** How long a lease lasts when it is not renewed: a settler that was killed is replaced this much later. */
export const DEFAULT_LEASE_MS = 15_000
/** Three chances to renew within a lease. */
const RENEWALS = 3
/** After a renewal that got no answer. */
const RETRY_MS = 1_000
/** How often one that waits looks whether the lease is free. */
const WAIT_MS = 1_000
/** A fifth is what two clocks can drift apart within a lease, many times over, and a pause of ours. */
const MARGIN_SHARE = 5

export class LeaseError extends Error {
  override readonly name = 'LeaseError'
  readonly code = 'lease_lost'
}

export interface LeaseParts {
  readonly db: Database
  /** Drawn by this process; no other ever has it. */
  readonly holder: string
  /** The node that the holder acts on, for whoever reads the row. */
  readonly node: Pick<NodeInfo, 'pubkey' | 'network' | 'simulated'>
  /** How long it lasts when it is not renewed. */
  readonly lastsMs: number
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number
  /** Returns after `ms`, or as soon as `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

const epochSchema = z.array(z.tuple([z.coerce.number().int()])).max(1)

/**
 * Who may act on the node: one row in Postgres. Whoever takes it from another gets the next epoch, and
 * the stores refuse what is written under an older one. `held` is the process's own knowledge, by a clock
 * that started before the question was sent, so that it ends before the row does.
 */
export class SettlerLease {
  readonly #parts: LeaseParts
  #epoch = 0
  #deadline = Number.NEGATIVE_INFINITY

  constructor(parts: LeaseParts) {
    this.#parts = parts
  }

  /** Of the lease that was taken; 0 before. */
  get epoch(): number {
    return this.#epoch
  }

  /** Whether this process certainly has the lease at this instant. */
  held(): boolean {
    return this.#parts.monotonic() < this.#deadline
  }

  /**
   * Takes a lease that is free or expired, or renews ours. Returns whether it is ours now. Throws
   * {@link LeaseError} when another has had it in between, and what the database throws.
   */
  async acquire(): Promise<boolean> {
    const { db, monotonic, lastsMs } = this.#parts
    const askedAt = monotonic()
    const rows = epochSchema.parse(await askRows(db, this.#take()))
    const [epoch] = rows[0] ?? []
    if (epoch === undefined) return false
    if (this.#epoch !== 0 && epoch !== this.#epoch)
      throw new LeaseError('Another settler has had the lease in between')
    this.#epoch = epoch
    this.#deadline = askedAt + lastsMs - Math.ceil(lastsMs / MARGIN_SHARE)
    return true
  }

  /** Waits until the lease is ours, or `signal` aborts. `waiting` is called once if another has it. */
  async take(signal: AbortSignal, waiting: () => void): Promise<void> {
    for (let tries = 0; !signal.aborted; tries++) {
      if (await this.acquire()) return
      if (tries === 0) waiting()
      await this.#parts.sleep(WAIT_MS, signal)
    }
  }

  /** Renews until `signal` aborts. Throws {@link LeaseError} once the lease is lost, or may be. */
  async keep(signal: AbortSignal): Promise<void> {
    const { sleep, lastsMs } = this.#parts
    const renewMs = Math.floor(lastsMs / RENEWALS)
    let pause = renewMs
    for (;;) {
      await sleep(Math.min(pause, this.#leftMs()), signal)
      if (signal.aborted) return
      pause = (await this.#renew()) ? renewMs : RETRY_MS
      if (!this.held()) throw new LeaseError('The lease could not be renewed in time')
    }
  }

  /** At a clean stop, after the last use: the next one need not wait. Once only, and not while kept. */
  async release(): Promise<void> {
    const { db, holder } = this.#parts
    this.#deadline = Number.NEGATIVE_INFINITY
    await askRows(
      db,
      sql`update settler_lease set expires_at = clock_timestamp() where id = 1 and holder = ${holder}`,
    )
  }

  /** Returns whether there was an answer. */
  async #renew(): Promise<boolean> {
    try {
      if (await this.acquire()) return true
    } catch (error) {
      if (error instanceof DbUnavailable) return false
      throw error
    }
    throw new LeaseError('Another settler has the lease')
  }

  #leftMs(): number {
    return Math.max(0, this.#deadline - this.#parts.monotonic())
  }

  /** Postgres' clock decides, and only its own dates are compared with it. */
  #take() {
    const { holder, node, lastsMs } = this.#parts
    const ttl = sql`clock_timestamp() + ${lastsMs}::integer * interval '1 millisecond'`
    return sql`
      insert into settler_lease as lease (id, holder, epoch, expires_at, node_pubkey, network, simulated)
      values (1, ${holder}, 1, ${ttl}, ${node.pubkey}, ${node.network}, ${node.simulated})
      on conflict (id) do update set
        holder = excluded.holder,
        epoch = lease.epoch + case when lease.holder = excluded.holder then 0 else 1 end,
        expires_at = ${ttl},
        node_pubkey = excluded.node_pubkey,
        network = excluded.network,
        simulated = excluded.simulated
      where lease.holder = excluded.holder or lease.expires_at <= clock_timestamp()
      returning lease.epoch`
  }
}
