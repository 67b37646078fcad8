import { slashFactsSchema } from '@infernet/schemas/slash-facts'
import { z } from 'zod'

export const slashListSchema = z.object({
  object: z.literal('list'),
  data: z.array(slashFactsSchema),
})

/** Its exact form is that of `audit-evidence.ts` in verification, which checks it. */
export const slashEvidenceSchema = z.looseObject({ v: z.literal(1) })

export const edgeKeySchema = z.object({
  object: z.literal('edge_key'),
  issuer: z.string().describe('The Ed25519 public key that countersigns receipts, as a peer id'),
})
