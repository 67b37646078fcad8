import type { PayoutWishes } from '@infernet/schemas/wire'
import type { Payable, PayoutPolicy } from '../payout/payout-policy.ts'
import type { PayableProvider } from './payable-providers.ts'

const MSAT = 1000n
/** What a Lightning address gives an invoice for. */
const LEAST_AT_ADDRESS_MSAT = 1000n
/**
 * Nobody gets a payout that failed tried again sooner than this, doubled for each that failed before it. An
 * agent that was away must not wait for hours when it is back.
 */
const FIRST_RETRY_MS = 60_000
const MAX_RETRY_MS = 15 * 60_000
/** Beyond this many doublings the limit above holds. */
const MAX_DOUBLINGS = 10

/** The operator's side of when providers are paid. */
export interface PayoutSettings {
  readonly thresholdMsat: bigint
  readonly maxAgeMs: number
  readonly dailyCapMsat: bigint
  /** To a provider's own node: 1 where there is a channel with it, 1,000 where others forward the payment. */
  readonly minimumMsat: bigint
}

/**
 * A provider may be paid after every request where that costs nobody but its own node anything: an invoice
 * of its agent, or keysend. Its own threshold holds when it is above the operator's.
 */
export function policyFor(settings: PayoutSettings, wanted: PayoutWishes): PayoutPolicy {
  const own = BigInt(wanted.threshold_sat ?? 0) * MSAT
  const direct = wanted.to.kind !== 'lightning_address'
  return {
    when: direct && wanted.when === 'at_once' ? 'at_once' : 'threshold',
    thresholdMsat: own > settings.thresholdMsat ? own : settings.thresholdMsat,
    maxAgeMs: settings.maxAgeMs,
    dailyCapMsat: settings.dailyCapMsat,
  }
}

/** What `decidePayout` is told of a provider. Wallets behind an address take whole satoshis. */
export function payableOf(
  { minimumMsat }: Pick<PayoutSettings, 'minimumMsat'>,
  provider: PayableProvider,
  wanted: PayoutWishes,
): Payable {
  const toAddress = wanted.to.kind === 'lightning_address'
  const { owedMsat, oldestAt, sentTodayMsat, inFlight } = provider
  return {
    amountMsat: toAddress ? owedMsat - (owedMsat % MSAT) : owedMsat,
    oldestAt,
    destinationMinimumMsat: toAddress ? LEAST_AT_ADDRESS_MSAT : minimumMsat,
    sentTodayMsat,
    inFlight,
  }
}

/** When a provider whose last payouts failed is tried again, Unix ms; 0 when none has. */
export function retryAt({ failures, failedAt }: PayableProvider): number {
  if (failures === 0 || failedAt === undefined) return 0
  const wait = FIRST_RETRY_MS * 2 ** Math.min(failures - 1, MAX_DOUBLINGS)
  return failedAt + Math.min(wait, MAX_RETRY_MS)
}
