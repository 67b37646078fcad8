import { z } from 'zod'
import type { LiveBalances } from './reconcile-accounts.ts'

/** The edge writes an outbox to Postgres first, which takes as long as Postgres does. */
const TIMEOUT_MS = 30_000

const amount = z
  .string()
  .regex(/^-?[0-9]{1,16}$/)
  .transform(BigInt)
const answerSchema = z.object({ available_msat: amount, reserved_msat: amount })

/** The edge did not tell a balance. */
class EdgeUnavailable extends Error {
  override readonly name = 'EdgeUnavailable'
  readonly code = 'edge_unavailable'
}

/** Live balances by the operator's API of an edge. Throws {@link EdgeUnavailable}. */
export const edgeBalances = (edge: URL, operatorToken: string): LiveBalances => ({
  balanceOf: async (accountId, signal) => {
    const url = new URL(`/operator/balances/${encodeURIComponent(accountId)}`, edge)
    try {
      const response = await fetch(url, {
        headers: { authorization: `Bearer ${operatorToken}` },
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
      if (!response.ok) throw new EdgeUnavailable(`${url.pathname} answered ${response.status}`)
      const { available_msat, reserved_msat } = answerSchema.parse(await response.json())
      return available_msat + reserved_msat
    } catch (cause) {
      if (cause instanceof EdgeUnavailable) throw cause
      throw new EdgeUnavailable(`${url.href} gave no balance`, { cause })
    }
  },
})
