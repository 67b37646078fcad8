import { verifyReceipt, type ReceiptStatement, type SignedReceipt } from '@infernet/schemas/receipt'
import type { Claim } from '@infernet/schemas/transcript'
import { EvidenceError } from './evidence-error.ts'

/**
 * What a receipt says that its provider has signed, of an answer by that spec. Rejects with {@link EvidenceError}:
 * `receipt` for a bad signature, `unclaimed` and `spec` for a receipt of something else.
 */
export async function claimedStatement(
  receipt: SignedReceipt,
  spec: string,
): Promise<ReceiptStatement & { readonly claim: Claim }> {
  const verdict = await verifyReceipt(receipt)
  if (!verdict.ok)
    throw new EvidenceError('receipt', `the receipt does not hold: ${verdict.reason}`)
  const { claim, ...statement } = verdict.statement
  if (claim === undefined) throw new EvidenceError('unclaimed', 'the receipt claims nothing')
  if (claim.spec !== spec) throw new EvidenceError('spec', 'the receipt is of another spec')
  return { ...statement, claim }
}
