import type { HoldbackPolicy } from '@infernet/verification/reputation/holdback'
import type { Database } from '../db/database.ts'
import type { OrderedTopUp } from '../intake/pg-invoice-store.ts'
import { decidedEscrows, paidJobs, quotedJobs, type QuotedJob } from './escrow-rows.ts'
import { payableProviders, type PayableProvider } from './payable-providers.ts'
import { carryOutSlash, type CarriedOut } from './carry-out-slash.ts'
import { payLiftedSlash, type LiftedPaid } from './pay-lifted-slash.ts'
import { nextUnreleased, releaseParts, type Released } from './release-parts.ts'
import { ReleaseSweep } from './release-sweep.ts'
import { pendingTransfers, type Transfer } from './transfer-loop.ts'
import { fundedWithdrawals, type FundedWithdrawal } from './withdrawal-loop.ts'

/** What there is to do, as the loops read it. */
export interface SettlerRows {
  orders(limit: number): Promise<readonly OrderedTopUp[]>
  pending(after: Transfer | undefined, limit: number): Promise<readonly Transfer[]>
  funded(limit: number): Promise<readonly FundedWithdrawal[]>
  release(limit: number, skip: readonly string[]): Promise<Released>
  nextUnreleased(skip: readonly string[]): Promise<string | undefined>
  /** The next slash that is final; undefined when there is none. */
  carryOutSlash(): Promise<CarriedOut | undefined>
  /** The next convicting answer whose slash was lifted after its refund; undefined when there is none. */
  payLiftedSlash(): Promise<LiftedPaid | undefined>
  payable(after: string, limit: number): Promise<readonly PayableProvider[]>
  quoted(limit: number): Promise<readonly QuotedJob[]>
  paid(limit: number): Promise<readonly string[]>
  decided(limit: number): Promise<readonly string[]>
}

/** In Postgres; the orders are the invoice store's. */
export const pgSettlerRows = (
  db: Database,
  orders: Pick<SettlerRows, 'orders'>,
  holdback: HoldbackPolicy,
  sweep = new ReleaseSweep(),
): SettlerRows => ({
  orders: (limit) => orders.orders(limit),
  pending: (after, limit) => pendingTransfers(db, after, limit),
  funded: (limit) => fundedWithdrawals(db, limit),
  release: (limit, skip) => releaseParts(db, limit, holdback, skip, sweep),
  nextUnreleased: (skip) => nextUnreleased(db, holdback, skip, sweep),
  carryOutSlash: () => carryOutSlash(db),
  payLiftedSlash: () => payLiftedSlash(db),
  payable: (after, limit) => payableProviders(db, after, limit),
  quoted: (limit) => quotedJobs(db, limit),
  paid: (limit) => paidJobs(db, limit),
  decided: (limit) => decidedEscrows(db, limit),
})
