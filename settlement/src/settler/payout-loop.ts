import { decidePayout } from '../payout/payout-policy.ts'
import type { PayoutDraft } from '../payout/payout-store.ts'
import type { AtStep } from './crash-at.ts'
import type { PayableProvider } from './payable-providers.ts'
import { providerDestination, readProviderPayout } from './provider-payout.ts'
import type { PayoutRunner } from './payout-runner.ts'
import { payableOf, policyFor, retryAt, type PayoutSettings } from './provider-policy.ts'
import type { RowTroubles } from './row-troubles.ts'
import { ROUND_MS, type WorkLoop } from './work-loop.ts'

const PAGE = 200

export interface PayoutLoopParts {
  readonly payable: (after: string, limit: number) => Promise<readonly PayableProvider[]>
  readonly runner: PayoutRunner
  readonly settings: PayoutSettings
  /** Of providers whose wishes cannot be read or are not their own. */
  readonly troubles: RowTroubles
  readonly problem: (id: string, error: unknown) => void
  /** Unix ms. */
  readonly now: () => number
  /** A fresh one for each payout. */
  readonly newPayoutId: () => string
  readonly at: AtStep
}

/** Pays providers what was released for them, as the policy says. */
export const payoutLoop = (parts: PayoutLoopParts): WorkLoop => ({
  name: 'payouts',
  pauseMs: ROUND_MS,
  async page(signal) {
    const { payable, runner, at, troubles, problem } = parts
    let after = ''
    while (!signal.aborted) {
      const page = await payable(after, PAGE)
      for (const provider of page) {
        const key = `provider:${provider.peer}`
        if (!runner.mayStart(key) || !troubles.isDue(key)) continue
        try {
          const draft = payoutDraft(provider, parts)
          troubles.ended(key)
          if (draft === undefined) continue
          at('payout:starting')
          runner.start(key, () => draft)
        } catch (error) {
          if (troubles.failed(key)) problem(key, error)
        }
      }
      if (page.length < PAGE) break
      after = page.at(-1)?.peer ?? after
    }
    return false
  },
})

/**
 * What is to be paid now, if anything is. Throws `ProviderPayoutError` for wishes that cannot be read, or
 * that would be paid and are not the provider's own.
 */
export function payoutDraft(
  provider: PayableProvider,
  { settings, now, newPayoutId }: Pick<PayoutLoopParts, 'settings' | 'now' | 'newPayoutId'>,
): PayoutDraft | undefined {
  const wanted = readProviderPayout(provider.payout)
  if (now() < retryAt(provider)) return undefined
  const decision = decidePayout(
    policyFor(settings, wanted),
    payableOf(settings, provider, wanted),
    now(),
  )
  if (!decision.pay) return undefined
  return {
    id: newPayoutId(),
    owner: `provider:${provider.peer}`,
    amountMsat: decision.amountMsat,
    feeReserveMsat: 0n,
    feeLimitMsat: decision.feeLimitMsat,
    destination: providerDestination(provider.peer, wanted),
  }
}
