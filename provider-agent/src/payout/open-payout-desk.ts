import { setTimeout as sleep } from 'node:timers/promises'
import { signPayout } from '@infernet/schemas/payout-statement'
import { systemClock, type Clock } from '../clock.ts'
import type { EventLog } from '../events.ts'
import type { Identity } from '../identity.ts'
import { lndIssuer } from './lnd-issuer.ts'
import { PayoutDesk } from './payout-desk.ts'
import type { PayoutPlan } from './payout-plan.ts'

/** The desk for what the owner said. The owner's node is opened when it is first needed. */
export function openPayoutDesk(
  plan: PayoutPlan | undefined,
  identity: Identity,
  events: EventLog,
  clock: Clock = systemClock,
): PayoutDesk {
  const lnd = plan?.lnd
  const issuer = lnd && lndIssuer(lnd, identity, clock.monotonic)
  return new PayoutDesk({
    wishes: plan?.payout,
    sign: (wishes) => signPayout(identity, wishes, clock.now()),
    issuer,
    events,
    sleep: async (ms, signal) => {
      await sleep(ms, undefined, { signal, ref: false }).catch(() => {})
    },
  })
}
