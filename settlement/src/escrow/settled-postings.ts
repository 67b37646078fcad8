import { topUpSettled } from '../ledger/credit-events.ts'
import { escrowPaid, escrowRefunded, escrowSettled } from '../ledger/escrow-events.ts'
import type { Posting } from '../ledger/posting.ts'
import { EscrowError } from './escrow-error.ts'
import type { EscrowDecision, EscrowRow } from './escrow-store.ts'

type Settleable = Pick<EscrowRow, 'paymentHash' | 'job' | 'amountMsat' | 'payer' | 'decision'>

/**
 * What an escrow that the node calls settled posts, all or nothing: the price goes through `escrow` to those
 * whom the verdict names, what was paid above it is the payer's credit. Without a good verdict (somebody
 * settled by hand) the payer has the price as credit too. Throws {@link EscrowError} `underpaid`.
 */
export function settledPostings(row: Settleable, paidMsat: bigint): Posting[] {
  const { paymentHash, job, amountMsat: amount, payer, decision } = row
  if (paidMsat < amount)
    throw new EscrowError('underpaid', `${paidMsat} msat were settled of ${amount}`)
  const escrow = { paymentHash, job, amount }
  const surplus = paidMsat - amount
  return [
    escrowSettled(escrow),
    ...(surplus > 0n ? [topUpSettled({ paymentHash, to: payer, amount: surplus })] : []),
    decision?.kind === 'settle'
      ? escrowPaid(escrow, decision.legs, decision.feeBps)
      : escrowRefunded(escrow, payer),
  ]
}

/** Throws {@link EscrowError} `bad_verdict` unless a good verdict hands out exactly the price. */
export function checkDecision(decision: EscrowDecision, amountMsat: bigint): void {
  if (decision.kind === 'cancel') return
  const sum = decision.legs.reduce((total, { gross }) => total + gross, 0n)
  if (sum !== amountMsat || decision.legs.some(({ gross }) => gross < 0n))
    throw new EscrowError('bad_verdict', `the verdict hands out ${sum} msat of ${amountMsat}`)
}
