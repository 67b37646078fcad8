import type {
  LightningBackend,
  PaymentOrder,
  PaymentSucceeded,
  PaymentOutcome,
  TrackOutcome,
} from '../lightning/lightning-backend.ts'
import { hashOf } from '../lightning/lnd/lnd-messages.ts'
import type { CallSlots } from './call-slots.ts'
import { backoffMs } from './limits.ts'
import type { PayoutHooks } from './payout-hooks.ts'
import type { Attempt } from './payout-store.ts'

export type FinalOutcome = PaymentSucceeded | Extract<PaymentOutcome, { status: 'failed' }>

export interface AttemptWatch {
  readonly attempt: Attempt
  readonly order: PaymentOrder
  /** `track` for an attempt that was recorded before: perhaps there is an end already. */
  readonly begin: 'pay' | 'track'
  readonly lightning: Pick<LightningBackend, 'pay' | 'track'>
  readonly slots: CallSlots
  readonly hooks: PayoutHooks
  readonly signal: AbortSignal
}

/**
 * Pays one attempt and asks for it until the node itself says how it ended. Whatever is unknown is paid
 * again under the same hash, which the node has at most once. Throws only when `signal` aborts.
 */
export async function untilFinal(watch: AttemptWatch): Promise<FinalOutcome> {
  const { hooks, signal } = watch
  let call = watch.begin
  for (let round = 0; ; round++) {
    const outcome = await watch.slots.run(() => ask(watch, call), signal)
    if (outcome.status === 'succeeded' || outcome.status === 'failed') return outcome
    signal.throwIfAborted()
    if (outcome.status === 'unknown')
      hooks.report?.({ kind: 'unknown', attempt: watch.attempt, reason: outcome.reason })
    // What the node has is looked at; what it may not have is sent again.
    const look = call === 'pay' || outcome.status === 'in_flight'
    call = look ? 'track' : 'pay'
    await hooks.sleep(backoffMs(round, hooks.random()), signal)
  }
}

async function ask(watch: AttemptWatch, call: 'pay' | 'track'): Promise<TrackOutcome> {
  const { lightning, order, attempt, hooks, signal } = watch
  const { paymentHash } = attempt
  hooks.at?.(call === 'pay' ? 'paying' : 'tracking')
  // The state as it is: a payment that is held for hours must not keep a slot.
  const asked =
    call === 'pay'
      ? lightning.pay(order, signal)
      : lightning.track(paymentHash, { signal, waitMs: 0 })
  const outcome = await asked.catch(asUnknown)
  hooks.at?.(call === 'pay' ? 'paid' : 'tracked')
  if (outcome.status === 'succeeded' && hashOf(outcome.preimage) !== paymentHash)
    return { status: 'unknown', reason: 'The node has no proof of the success it reports' }
  return outcome
}

/** An error says of this call that it sent nothing, and nothing of an earlier one. */
const asUnknown = (error: unknown): TrackOutcome => ({ status: 'unknown', reason: String(error) })
