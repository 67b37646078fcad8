import { signPayout } from '@infernet/schemas/payout-statement'
import { openLnd } from '@infernet/settlement/lightning/open-lnd'
import type { EventLog } from '../events.ts'
import type { Identity } from '../identity.ts'
import { InvoiceIssuer } from './invoice-issuer.ts'
import { PayoutDesk } from './payout-desk.ts'
import type { PayoutPlan } from './payout-plan.ts'

/** The desk for what the owner said, which is signed now. The owner's node is opened when it is first needed. */
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
  const payout = plan && signPayout(identity, plan.payout, Date.now())
  return new PayoutDesk({ payout, issuer, events })
}
