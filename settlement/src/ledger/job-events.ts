import type { AccountCode, BundleCode, ClientCode } from './account-code.ts'
import { splitFee } from './fee.ts'
import { notNegative, posting, type Posting } from './posting.ts'

/** One provider's part of an answer. */
export interface PaidLeg {
  /** Peer id. */
  readonly provider: string
  /** What the client pays for it, msat. */
  readonly gross: bigint
}

type Movement = readonly [AccountCode, bigint]

/**
 * A job has ended: who pays for it, and what every provider that had a part in the answer earns,
 * until the verification policy has released it. Undefined when it cost nothing: a hold that is
 * released moves no money here, since holds are the account's own (SQLite) business.
 */
export function jobCaptured(job: {
  readonly id: string
  readonly payer: ClientCode | BundleCode
  readonly legs: readonly PaidLeg[]
  readonly feeBps: number
}): Posting | undefined {
  const gross = job.legs.reduce((sum, leg) => sum + notNegative(leg.gross, 'a leg’s price'), 0n)
  if (gross === 0n) return undefined
  return posting(`cap:${job.id}`, 'capture', [
    [job.payer, -gross],
    ...earnings(job.legs, job.feeBps, 'provider_pending'),
  ])
}

/** What was captured for one lease: the unit of verdicts, since each leg has its own receipt. */
export interface JudgedLease {
  readonly lease: string
  readonly provider: string
  readonly gross: bigint
  /** As it was when the job was captured. */
  readonly feeBps: number
}

/** The verification policy lets the provider have what it earned with this lease. */
export function verdictOk(judged: JudgedLease): Posting | undefined {
  const { net } = splitFee(judged.gross, judged.feeBps)
  if (net === 0n) return undefined
  return posting(verdictKey(judged), 'verdict_ok', [
    [`provider_pending:${judged.provider}`, -net],
    [`provider:${judged.provider}`, net],
  ])
}

/**
 * The answer was wrong: its payer gets everything back, our fee included. It has the key of
 * {@link verdictOk}, so that a lease is judged once.
 */
export function verdictBad(
  judged: JudgedLease,
  payer: ClientCode | BundleCode,
): Posting | undefined {
  if (judged.gross === 0n) return undefined
  const { fee, net } = splitFee(judged.gross, judged.feeBps)
  return posting(verdictKey(judged), 'verdict_bad', [
    [`provider_pending:${judged.provider}`, -net],
    ['revenue:fee', -fee],
    [payer, judged.gross],
  ])
}

/**
 * The answer may have been good, but its provider has cheated elsewhere and loses it: the operator keeps that. It has
 * the key of {@link verdictOk}, as above.
 */
export function verdictForfeited(judged: JudgedLease): Posting | undefined {
  const { net } = splitFee(judged.gross, judged.feeBps)
  if (net === 0n) return undefined
  return posting(verdictKey(judged), 'verdict_forfeited', [
    [`provider_pending:${judged.provider}`, -net],
    ['revenue:slash', net],
  ])
}

/**
 * An appeal has shown that the answer's bad verdict was a mistake: its provider gets what it earned with it after all.
 * The refund stands, so the operator pays, and forgoes its fee. Only after {@link verdictBad} for the same lease.
 */
export function slashLifted(judged: JudgedLease): Posting | undefined {
  const { net } = splitFee(judged.gross, judged.feeBps)
  if (net === 0n) return undefined
  return posting(`lift:${judged.lease}`, 'slash_lifted', [
    ['equity:operator', -net],
    [`provider:${judged.provider}`, net],
  ])
}

/** Legs divided into what their providers get and our fee, rounded for each leg. */
export function earnings(
  legs: readonly PaidLeg[],
  feeBps: number,
  to: 'provider_pending' | 'provider',
): Movement[] {
  return legs.flatMap(({ provider, gross }): Movement[] => {
    const { fee, net } = splitFee(gross, feeBps)
    return [
      [`${to}:${provider}`, net],
      ['revenue:fee', fee],
    ]
  })
}

const verdictKey = ({ lease }: JudgedLease): string => `ver:${lease}`
