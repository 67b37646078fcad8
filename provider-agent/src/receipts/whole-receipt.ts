import {
  countersignatureSchema,
  receiptHash,
  verifyCountersignature,
  type CountersignatureVerdict,
  type DeliveryStatement,
} from '@infernet/schemas/delivery-statement'
import type { PeerId } from '@infernet/schemas/peer-id'
import {
  signedReceiptSchema,
  verifyReceipt,
  type ReceiptStatement,
  type ReceiptVerdict,
  type SignedReceipt,
} from '@infernet/schemas/receipt'
import { z } from 'zod'

/** What `GET /v1/receipts/{id}` answers, as far as it is signed. */
export const wholeReceiptSchema = z.object({
  object: z.literal('receipt'),
  id: z.string(),
  lease: z.string().nullable(),
  signed: signedReceiptSchema.nullable(),
  countersigned: countersignatureSchema.nullish(),
})
export type WholeReceipt = z.infer<typeof wholeReceiptSchema>

/** One thing that both have signed. `contradicts`: both cannot be true of the same job. */
export interface Compared {
  readonly what: string
  readonly edge: string | null
  readonly provider: string | null
  readonly verdict: 'agrees' | 'differs' | 'contradicts'
}

export interface WholeVerdict {
  readonly ok: boolean
  readonly id: string
  /** Null where the provider, or the edge, has signed nothing. */
  readonly provider: ReceiptVerdict | null
  readonly edge: CountersignatureVerdict | null
  readonly compared: readonly Compared[]
}

/**
 * Checks both signatures of a receipt, and what they say against each other. It holds when every signature that
 * must be there does, and nothing contradicts: a provider's wherever a lease was given, the edge's at least
 * where its `issuer` is pinned.
 */
export async function verifyWhole(receipt: WholeReceipt, issuer?: PeerId): Promise<WholeVerdict> {
  const { id, signed, lease } = receipt
  const countersigned = receipt.countersigned ?? null
  const provider = signed && (await verifyReceipt(signed))
  const edge = countersigned && (await verifyCountersignature(countersigned, issuer))
  const compared =
    signed !== null && provider?.ok && edge?.ok
      ? compare(edge.statement, signed, provider.statement)
      : []
  const isEdgeGood = edge?.ok ?? issuer === undefined
  const isProviderGood = provider?.ok ?? (lease === null && edge?.ok === true)
  const isAboutIt = [provider, edge].every((half) => !half?.ok || half.statement.job === id)
  const agrees = compared.every(({ verdict }) => verdict !== 'contradicts')
  return { ok: isEdgeGood && isProviderGood && isAboutIt && agrees, id, provider, edge, compared }
}

/** What the edge and the provider say of the same. */
function compare(
  said: DeliveryStatement,
  signed: SignedReceipt,
  claimed: ReceiptStatement,
): Compared[] {
  return [
    same('lease', said.lease, claimed.lease),
    same('provider', said.provider, claimed.provider),
    same('model', said.model, claimed.model),
    same('signed statement', said.receipt_sha256, receiptHash(signed)),
    tokens('prompt tokens', 'prompt_tokens', said, claimed),
    tokens('completion tokens', 'completion_tokens', said, claimed),
    // A client may leave an answer that its provider ends.
    same('finish reason', said.finish_reason, claimed.finish_reason, 'differs'),
  ]
}

const same = (
  what: string,
  edge: string | null,
  provider: string,
  otherwise: Compared['verdict'] = 'contradicts',
): Compared => ({ what, edge, provider, verdict: edge === provider ? 'agrees' : otherwise })

/** Less may be billed than was claimed, and what was cut is estimated; a whole answer is never billed for more. */
function tokens(
  what: string,
  kind: 'prompt_tokens' | 'completion_tokens',
  { prior_legs: prior, status, usage }: DeliveryStatement,
  claimed: ReceiptStatement,
): Compared {
  const billed = prior.reduce((rest, leg) => rest - leg.usage[kind], usage[kind])
  const isWhole = status === 'completed' && prior.length === 0
  const isOvercharged = isWhole && billed > claimed.usage[kind]
  const otherwise = isOvercharged ? 'contradicts' : 'differs'
  return same(what, String(billed), String(claimed.usage[kind]), otherwise)
}
