import { suspicionOf } from '../evidence/suspicion.ts'
import { STARTING_WEALTH, type Wealth } from '../evidence/wealth.ts'
import { goodConduct, isPaid, type Conduct } from '../reputation/conduct.ts'
import { noCounts, type DecayedCounts } from '../reputation/decayed-counts.ts'
import { releasableMsat, type Earning, type HoldbackPolicy } from '../reputation/holdback.ts'
import { slash, type Takeable } from '../reputation/slash.ts'
import type { Books } from './books.ts'

/** What was earned within one hour. */
interface Lot extends Earning {
  readonly feeMsat: bigint
  /** Not released or taken yet. */
  heldMsat: bigint
}

/** A provider or verifier as the operator knows it: whoever returns under another key is another one. */
export interface Identity {
  readonly id: string
  /** The account of whoever is behind it. */
  readonly wallet: string
  readonly joinedAt: number
  conduct: Conduct
  wealth: Wealth
  /** See `trustedUntil`. */
  trustedUntil: number
  /** When a job in which it cheated was last audited: what the operator's engine would find. */
  guiltyAt: number | undefined
  consecutiveValid: number
  integrity: DecayedCounts
  completion: DecayedCounts
  lots: Lot[]
}

const heldOf = ({ id }: Identity) => `held:${id}`
const bondOf = ({ id }: Identity) => `bond:${id}`

/** Opens the accounts of a new identity and moves its bond there. */
export function join(
  books: Books,
  { id, wallet }: Pick<Identity, 'id' | 'wallet'>,
  { bondMsat, now }: { bondMsat: bigint; now: number },
): Identity {
  const identity: Identity = {
    id,
    wallet,
    joinedAt: now,
    conduct: goodConduct(now),
    wealth: STARTING_WEALTH,
    trustedUntil: now,
    guiltyAt: undefined,
    consecutiveValid: 0,
    integrity: noCounts(now),
    completion: noCounts(now),
    lots: [],
  }
  books.open(heldOf(identity), 0n)
  books.open(bondOf(identity), 0n)
  books.move(wallet, bondOf(identity), bondMsat)
  return identity
}

export const isSuspect = ({ wealth }: Identity): boolean => suspicionOf(wealth) !== 'clear'

export const heldMsat = (books: Books, identity: Identity): bigint =>
  books.balance(heldOf(identity))
export const bondMsat = (books: Books, identity: Identity): bigint =>
  books.balance(bondOf(identity))

/** What `payer` pays for an hour's work: held back, all but the operator's fee. */
export function earn(
  books: Books,
  identity: Identity,
  paid: { payer: string; netMsat: bigint; feeMsat: bigint; now: number },
): void {
  books.move(paid.payer, heldOf(identity), paid.netMsat)
  books.move(paid.payer, 'operator', paid.feeMsat)
  const { netMsat, feeMsat, now } = paid
  const earning = { netMsat, earnedAt: now, firstEarnedAt: identity.joinedAt }
  identity.lots.push({ ...earning, feeMsat, heldMsat: netMsat })
}

/** Pays out what no longer has to wait. */
export function release(
  books: Books,
  identity: Identity,
  policy: HoldbackPolicy,
  now: number,
): void {
  if (identity.lots.length === 0 || !isPaid(identity.conduct)) return
  const situation = { now, auditLagMs: 0, isSuspect: isSuspect(identity) }
  for (const lot of identity.lots) {
    const due = releasableMsat(lot, situation, policy) - (lot.netMsat - lot.heldMsat)
    if (due <= 0n) continue
    books.move(heldOf(identity), identity.wallet, due)
    lot.heldMsat -= due
  }
  identity.lots = identity.lots.filter((lot) => lot.heldMsat > 0n || isAffected(identity, lot))
}

/**
 * Carries a slash out. Here at once: nobody in this market appeals. What `payer` paid for goes back to it,
 * with the operator's fee.
 */
export function punish(books: Books, identity: Identity, payer: string): void {
  const affected = identity.lots.filter((lot) => isAffected(identity, lot))
  const others = identity.lots.filter((lot) => !isAffected(identity, lot))
  const has: Takeable = {
    affectedHeldMsat: sumOf(affected),
    otherHeldMsat: sumOf(others),
    bondMsat: bondMsat(books, identity),
  }
  const jobs = affected.map((lot) => ({ ...lot, job: `${lot.earnedAt}`, client: payer }))
  const { taken, refunds } = slash(jobs, has)
  takeFrom(affected, taken.affectedHeldMsat)
  takeFrom(others, taken.otherHeldMsat)
  books.move(heldOf(identity), 'operator', taken.affectedHeldMsat + taken.otherHeldMsat)
  books.move(bondOf(identity), 'operator', taken.bondMsat)
  for (const { client, fromProviderMsat, fromFeeMsat } of refunds)
    books.move('operator', client, fromProviderMsat + fromFeeMsat)
  identity.lots = identity.lots.filter((lot) => lot.heldMsat > 0n)
}

/** What was earned in the same hour as the last good audit may have been after it. */
const isAffected = ({ trustedUntil }: Identity, lot: Lot): boolean => lot.earnedAt >= trustedUntil

const sumOf = (lots: readonly Lot[]): bigint => lots.reduce((sum, lot) => sum + lot.heldMsat, 0n)

function takeFrom(lots: readonly Lot[], amountMsat: bigint): void {
  let left = amountMsat
  for (const lot of lots) {
    const taken = lot.heldMsat < left ? lot.heldMsat : left
    lot.heldMsat -= taken
    left -= taken
  }
}
