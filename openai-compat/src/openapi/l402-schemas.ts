import { z } from 'zod'
import { withdrawalRequestSchema } from './billing-schemas.ts'

/** What clients without an account hear of their bundles. */

const msatText = z.string().regex(/^\d+$/).describe('msat')
const unixSeconds = z.int().min(0).describe('Unix seconds')
const names = z.array(z.string()).nullable()

/** Beside `error` in a 402. */
export const challengeSchema = z.object({
  invoice: z.string().describe('BOLT 11'),
  token: z.string().describe('A macaroon in base64; with the preimage it is a credential'),
  price_msat: msatText,
  amount_sat: z.number().min(0),
  simulated: z.boolean().describe('`true`: nothing of this is real money'),
  how: z.string().describe('For people'),
})

export const closeRequestSchema = withdrawalRequestSchema.pick({
  invoice: true,
  lightning_address: true,
})

export const bundleSchema = z.object({
  object: z.literal('l402_bundle'),
  payment_hash: z.string(),
  available_msat: msatText,
  reserved_msat: msatText.describe('Held for running requests, msat'),
  open_jobs: z.int().min(0),
  limits: z
    .object({
      services: names,
      capabilities: names,
      model: z.string().nullable(),
      budget_msat: msatText.nullable().describe('What the bundle may have spent in all, msat'),
      expires_at: unixSeconds.nullable(),
    })
    .describe('What this token allows; null is without limit'),
  can_close: z.boolean().describe('This token has not been narrowed'),
  closable_msat: msatText.describe('What would arrive if the bundle were closed now, msat'),
})
