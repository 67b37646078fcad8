import { setTimeout as sleep } from 'node:timers/promises'
import { signPayout } from '@infernet/schemas/payout-statement'
import { openLnd } from '@infernet/settlement/lightning/open-lnd'
import type { EventLog } from '../events.ts'
import type { Identity } from '../identity.ts'
import { InvoiceIssuer } from './invoice-issuer.ts'
import { PayoutDesk } from './payout-desk.ts'
import type { PayoutPlan } from './payout-plan.ts'

/** The desk for what the owner said. The owner's node is opened when it is first needed. */
export function openPayoutDesk(
  plan: PayoutPlan | undefined,
  identity: Identity,
  events: EventLog,
): PayoutDesk {
  const lnd = plan?.lnd
  const issuer =
    lnd &&
    new InvoiceIssuer({
      open: () => openLnd(lnd),
      key: identity.deriveKey('agent-payout'),
      now: Date.now,
    })
  return new PayoutDesk({
    wishes: plan?.payout,
    sign: (wishes) => signPayout(identity, wishes, Date.now()),
    issuer,
    events,
    sleep: async (ms, signal) => {
      await sleep(ms, undefined, { signal, ref: false }).catch(() => {})
    },
  })
}
