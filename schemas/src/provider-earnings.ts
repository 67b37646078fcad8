import { z } from 'zod'
import { PAYOUT_STATES } from './payout-state.ts'

/**
 * What a provider signs to see its own earnings at an edge: the host name that it dials, without a port, so that
 * no edge can show the request to another one.
 */
export const earningsRequest = (host: string): string => `earnings at ${host.toLowerCase()}`

/** A decimal string of msat. */
const amount = z.string().regex(/^\d{1,19}$/)
const count = z.int().nonnegative()
const unixSeconds = count

const payoutSchema = z.object({
  id: z.string(),
  amount_msat: amount,
  state: z.enum(PAYOUT_STATES),
  failure: z.string().nullable(),
  created_at: unixSeconds,
  finished_at: unixSeconds.nullable(),
})

/** `GET /v1/providers/{peer id}/earnings`. All amounts are the provider's own part, the platform's fee taken off. */
export const providerEarningsSchema = z.object({
  object: z.literal('provider_earnings'),
  provider: z.string(),
  standing: z.string(),
  /** Earned, and not released by the verification policy yet. */
  pending_msat: amount,
  /** The part of that which waits for a verdict or an appeal, or for the standing to be clear again. */
  held_msat: amount,
  /** To be paid with the next payout. */
  payable_msat: amount,
  /** Sent, and not known to have arrived. */
  in_flight_msat: amount,
  paid_msat: amount,
  earned_msat: amount,
  /** Given back to clients, or forfeited. */
  lost_msat: amount,
  jobs: count,
  /** Since when the five sums above are complete; null: since the beginning. */
  since: unixSeconds.nullable(),
  /** By UTC day, the latest first; days without earnings are left out. */
  days: z
    .array(z.object({ date: z.iso.date(), jobs: count, earned_msat: amount, lost_msat: amount }))
    .max(31),
  /** Why the sums are no money, where the edge's Lightning node is simulated. */
  notice: z.string().max(200).nullish(),
  /** Of the Lightning network that the edge pays on; null while no settler runs. */
  network: z.string().max(32).nullish(),
  /** The latest first. */
  payouts: z.array(payoutSchema).max(20),
})
export type ProviderEarningsJson = z.infer<typeof providerEarningsSchema>
