/** Half a percent, and never less than one satoshi: below that hardly any route is to be had. */
const FEE_LIMIT_DIVISOR = 200n
const LEAST_FEE_LIMIT_MSAT = 1000n
/** What has grown old is paid from one satoshi on: LND's least HTLC on most channels. */
const LEAST_BY_AGE_MSAT = 1000n

/** When a payee wants its money: after every request, or once there is some of it. Amounts are msat. */
export interface PayoutPolicy {
  readonly when: 'at_once' | 'threshold'
  /** For `threshold`: from here on. */
  readonly thresholdMsat: bigint
  /** For `threshold`: whatever there is, once the oldest of it is as old. */
  readonly maxAgeMs: number
  /** Most that is sent to one payee within a day: what a stolen key or a bug can cost at most. */
  readonly dailyCapMsat: bigint
}

/** What a payee is owed now. */
export interface Payable {
  readonly amountMsat: bigint
  /** Since when the oldest of it has been payable, Unix ms. */
  readonly oldestAt: number
  /** Least that its destination takes. */
  readonly destinationMinimumMsat: bigint
  /** Sent to it within the last day, what is under way included. */
  readonly sentTodayMsat: bigint
  readonly inFlight: boolean
}

export type PayoutDecision =
  | { readonly pay: true; readonly amountMsat: bigint; readonly feeLimitMsat: bigint }
  | {
      readonly pay: false
      readonly reason: 'nothing' | 'in_flight' | 'waiting' | 'below_minimum' | 'daily_cap'
    }

/** Whether to pay now, and how much: all that there is, or what the daily cap leaves of it. */
export function decidePayout(policy: PayoutPolicy, payable: Payable, now: number): PayoutDecision {
  const { amountMsat: owed, destinationMinimumMsat: least } = payable
  if (owed <= 0n) return wait('nothing')
  if (payable.inFlight) return wait('in_flight')
  if (!isDue(policy, payable, now)) return wait('waiting')
  if (owed < least) return wait('below_minimum')
  const room = policy.dailyCapMsat - payable.sentTodayMsat
  const amountMsat = owed < room ? owed : room
  if (amountMsat <= 0n || amountMsat < least) return wait('daily_cap')
  return { pay: true, amountMsat, feeLimitMsat: feeLimit(amountMsat) }
}

/** The most that may be paid for routing `amountMsat`: max(1 sat, 0.5 %), rounded down. */
export function feeLimit(amountMsat: bigint): bigint {
  const share = amountMsat / FEE_LIMIT_DIVISOR
  return share > LEAST_FEE_LIMIT_MSAT ? share : LEAST_FEE_LIMIT_MSAT
}

function isDue(policy: PayoutPolicy, { amountMsat, oldestAt }: Payable, now: number): boolean {
  if (policy.when === 'at_once' || amountMsat >= policy.thresholdMsat) return true
  return now - oldestAt >= policy.maxAgeMs && amountMsat >= LEAST_BY_AGE_MSAT
}

const wait = (reason: Extract<PayoutDecision, { pay: false }>['reason']): PayoutDecision => ({
  pay: false,
  reason,
})
