import { z } from 'zod'

/** What clients order of the Lightning node, and what they hear of it. */

const msatText = z.string().regex(/^\d+$/).describe('msat')
const unixSeconds = z.int().min(0).describe('Unix seconds')
const sat = z.number().min(0).describe('sat')
/** Text that Postgres can hold: no control characters, no half surrogate pairs. */
const memo = z
  .string()
  .max(639)
  // No pattern: not every reader of the document knows `\p{Cc}`.
  .refine((text) => !/[\p{Cc}\p{Cs}]/u.test(text), 'control characters are not allowed')

/** One of the two. */
const amount = {
  amount_sat: z.int().min(1).optional().describe('Instead of `amount_msat`'),
  amount_msat: z
    .string()
    .regex(/^[1-9][0-9]{0,15}$/)
    .optional()
    .describe('A decimal string, at least 1000'),
}

export const topUpRequestSchema = z.object({
  ...amount,
  memo: memo.optional().describe('Shown by the wallet that pays'),
})

export const withdrawalRequestSchema = z.object({
  ...amount,
  invoice: z.string().min(1).max(7089).optional().describe('A BOLT 11 invoice with its amount'),
  lightning_address: z
    .string()
    .min(1)
    .max(2000)
    .optional()
    .describe('`user@host` or an LNURL; needs an amount'),
})

const node = {
  network: z.string().nullable().describe('Of the Lightning node; null while it is away'),
  simulated: z.boolean().nullable().describe('`true`: nothing of this is real money'),
  notice: z.string().nullable().describe('For people'),
}

export const topUpSchema = z.object({
  id: z.string(),
  object: z.literal('billing.topup'),
  status: z
    .enum(['requested', 'open', 'settled', 'expired'])
    .describe('`open`: the invoice can be paid; `settled`: it was'),
  created: unixSeconds,
  amount_msat: msatText,
  amount_sat: sat,
  memo: z.string(),
  invoice: z.string().nullable().describe('The invoice; null while it is being made'),
  payment_hash: z.string().nullable(),
  expires_at: unixSeconds.nullable(),
  paid_msat: msatText.describe('What has arrived, msat'),
  credited: z.boolean().describe('It may be spent'),
  ...node,
})

export const topUpListSchema = z.object({
  object: z.literal('list'),
  data: z.array(topUpSchema),
  ...node,
})

export const withdrawalSchema = z.object({
  id: z.string(),
  object: z.literal('billing.withdrawal'),
  status: z
    .enum(['requested', 'funded', 'paying', 'succeeded', 'failed', 'refused'])
    .describe('`failed`: the money is back; `refused`: it was never taken'),
  created: unixSeconds,
  amount_msat: msatText.describe('What is to arrive, msat'),
  amount_sat: sat,
  fee_reserve_msat: msatText.describe('Taken for routing; what is left of it comes back'),
  invoice: z.string().nullable(),
  lightning_address: z.string().nullable(),
  fee_msat: msatText.nullable().describe('What routing has cost, msat'),
  preimage: z.string().nullable().describe('Proof of payment'),
  failure: z.string().nullable(),
  ...node,
})

export const withdrawalListSchema = z.object({
  object: z.literal('list'),
  data: z.array(withdrawalSchema),
})
