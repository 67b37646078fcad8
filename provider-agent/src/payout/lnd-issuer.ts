import type { LndAddress } from '@infernet/settlement/lightning/lnd/lnd-connection'
import { openLnd } from '@infernet/settlement/lightning/open-lnd'
import type { Identity } from '../identity.ts'
import { InvoiceIssuer } from './invoice-issuer.ts'

/** What makes invoices of the owner's LND, which is opened when it is first needed. `now` is monotonic, in ms. */
export const lndIssuer = (
  node: LndAddress,
  identity: Pick<Identity, 'deriveKey'>,
  now: () => number,
): InvoiceIssuer =>
  new InvoiceIssuer({
    open: () => openLnd(node),
    key: identity.deriveKey('agent-payout'),
    now,
  })
