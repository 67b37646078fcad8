import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { newAccountId, type AccountId, type JobId } from '@infernet/schemas/ids'
import { askRows, openDatabase, type Database } from '@infernet/settlement/db/database'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { post } from '@infernet/settlement/db/post'
import type { ClientCode, ProviderCode } from '@infernet/settlement/ledger/account-code'
import { topUpSettled } from '@infernet/settlement/ledger/credit-events'
import { verdictOk } from '@infernet/settlement/ledger/job-events'
import { payoutStarted, payoutSucceeded } from '@infernet/settlement/ledger/payout-events'
import type { LightningBackend } from '@infernet/settlement/lightning/lightning-backend'
import { RECONCILE_URIS } from '@infernet/settlement/lightning/lnd/macaroon-roles'
import { openLnd } from '@infernet/settlement/lightning/open-lnd'
import {
  startSimulatedLightning,
  type SimulatedLightning,
} from '@infernet/settlement/lightning/sim/simulated-lightning'
import { finishedJob } from '../db/conformance/fixtures.ts'
import { writeLedgerEvents } from '../db/ledger-events.ts'
import { NodeAccounts } from '../hosts/node/node-accounts.ts'
import { NodeSql } from '../hosts/node/node-sql.ts'
import { holdOf } from './holds.ts'

const AT = new Date('2026-01-02T03:04:05.678Z')
const FEE_BPS = 100
const TABLES = [
  'journal',
  'entries',
  'ledger_accounts',
  'top_ups',
  'payouts',
  'jobs',
  'payout_attempts',
  'account_transfers',
  'settle_indexes',
]

/** Postgres, a simulated node with somebody to pay and be paid by, and live balances that all agree. */
export class ReconciledWorld {
  readonly db: Database
  readonly live: NodeAccounts
  /** May only what reconciliation needs. */
  readonly node: LightningBackend
  readonly #lightning: SimulatedLightning
  readonly #us: LightningBackend
  readonly #other: LightningBackend

  private constructor(
    db: Database,
    lightning: SimulatedLightning,
    nodes: readonly [LightningBackend, LightningBackend, LightningBackend],
  ) {
    this.db = db
    this.#lightning = lightning
    this.node = nodes[0]
    this.#us = nodes[1]
    this.#other = nodes[2]
    this.live = new NodeAccounts({
      sql: new NodeSql(':memory:'),
      store: {
        writeLedgerEvents: async (batch) => void (await writeLedgerEvents(db, batch, FEE_BPS)),
      },
      now: Date.now,
      onFlushError: () => {},
    })
  }

  /** Empties the database first. */
  static async start(port: DbPort): Promise<ReconciledWorld> {
    const db = openDatabase(port)
    await askRows(db, sql.raw(`truncate ${TABLES.join(', ')}`))
    const lightning = await startSimulatedLightning({ aliases: ['hub', 'us', 'other'] })
    const server = lightning.server('us')
    const other = lightning.server('other').address()
    return new ReconciledWorld(db, lightning, [
      await openLnd(server.address(RECONCILE_URIS)),
      await openLnd(server.address()),
      await openLnd(other),
    ])
  }

  get pubkey(): string {
    return this.#lightning.server('us').node.pubkey
  }

  async run(statement: ReturnType<typeof sql>): Promise<void> {
    await askRows(this.db, statement)
  }

  /** Somebody pays an invoice of the node; its hash. */
  async paid(amountMsat: bigint): Promise<string> {
    const preimage = randomBytes(32).toString('hex')
    const added = await this.#us.addInvoice({
      preimage,
      amountMsat,
      memo: '',
      expirySeconds: 3600,
    })
    await send(this.#other, added.bolt11)
    return added.paymentHash
  }

  /** The node pays an invoice of somebody; its hash. */
  async sent(amountMsat: bigint): Promise<string> {
    const preimage = randomBytes(32).toString('hex')
    const order = { preimage, amountMsat, memo: '', expirySeconds: 3600 }
    const added = await this.#other.addInvoice(order)
    await send(this.#us, added.bolt11)
    return added.paymentHash
  }

  /** An account's order of an invoice that has this hash. */
  async order(account: AccountId, hash: string, amountMsat: bigint): Promise<void> {
    await this.run(sql`
      insert into top_ups (id, account_id, credited_to, amount_msat, memo, expiry_seconds, payment_hash, state, created_at)
      values (${`top_${hash}`}, ${account}, ${`client:${account}`}, ${String(amountMsat)}::bigint, '', 60, ${hash}, 'settled', 0)`)
  }

  async credit(account: AccountId, hash: string, amountMsat: bigint): Promise<void> {
    const to: ClientCode = `client:${account}`
    await post(this.db, topUpSettled({ paymentHash: hash, to, amount: amountMsat }), AT)
    await this.live.deposit(account, `inv:${hash}`, Number(amountMsat))
    // The live balance's own deposit would be the operator's.
    await this.live.flush()
  }

  /** A top-up as it is when all is well. */
  async toppedUp(amountMsat: bigint): Promise<{ account: AccountId; hash: string }> {
    const account = newAccountId(Date.now())
    const hash = await this.paid(amountMsat)
    await this.order(account, hash, amountMsat)
    await this.credit(account, hash, amountMsat)
    return { account, hash }
  }

  /** A job that the account has paid for; whom, and what the provider has of it. */
  async earned(
    account: AccountId,
    costMsat: number,
  ): Promise<{ provider: ProviderCode; netMsat: bigint }> {
    const job = finishedJob({ accountId: account, holdMsat: costMsat, costMsat })
    const expiresAt = Date.now() + 60_000
    const hold = { job: job.id as JobId, amountMsat: costMsat, expiresAt }
    await this.live.reserve(holdOf(account, hold))
    await this.live.settle(job)
    await this.live.flush()
    const leg = { provider: job.providerId!, gross: BigInt(costMsat), feeBps: FEE_BPS }
    const released = verdictOk({ lease: job.lease!, ...leg })
    if (released !== undefined) await post(this.db, released, AT)
    const provider: ProviderCode = `provider:${job.providerId}`
    return { provider, netMsat: (BigInt(costMsat) * BigInt(10_000 - FEE_BPS)) / 10_000n }
  }

  /** A payout as it is when all is well, but for `changes`. */
  async paidOut(
    owner: ClientCode | ProviderCode,
    amountMsat: bigint,
    changes: { readonly feeMsat?: bigint; readonly hash?: string; readonly open?: boolean } = {},
  ): Promise<string> {
    const { feeMsat = SIM_FEE_MSAT, open = false } = changes
    const hash = changes.hash ?? (await this.sent(amountMsat))
    const payout = { attempt: `p_${hash}`, owner, amount: amountMsat, feeReserve: 0n }
    await post(this.db, payoutStarted(payout), AT)
    if (!open) await post(this.db, payoutSucceeded(payout, feeMsat), AT)
    const [state, ended] = open ? ['paying', 'unresolved'] : ['succeeded', 'succeeded']
    await this.run(sql`
      insert into payouts (id, owner, amount_msat, fee_reserve_msat, fee_limit_msat, destination, state)
      values (${payout.attempt}, ${owner}, ${String(amountMsat)}::bigint, 0, 0, '{}', ${state})`)
    await this.run(sql`
      insert into payout_attempts (payout_id, number, payment_hash, target, state, fee_msat)
      values (${payout.attempt}, 1, ${hash}, '{}', ${ended}, ${String(feeMsat)}::bigint)`)
    return hash
  }

  async close(): Promise<void> {
    for (const backend of [this.node, this.#us, this.#other]) backend.close()
    this.#lightning.close()
    await this.live.close()
  }
}

/** What the hub of the simulated network takes. */
export const SIM_FEE_MSAT = 1_000n

async function send(from: LightningBackend, bolt11: string): Promise<void> {
  const outcome = await from.pay({
    to: { kind: 'bolt11', bolt11 },
    feeLimitMsat: 10n * SIM_FEE_MSAT,
    timeoutSeconds: 10,
    cltvLimit: 1008,
    maxParts: 1,
  })
  if (outcome.status !== 'succeeded') throw new Error(`The simulated payment ${outcome.status}`)
}
