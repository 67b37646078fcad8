import { derivePreimage } from '../intake/derived-preimage.ts'
import type { InvoiceDesk } from '../intake/invoice-desk.ts'
import type { TopUpOrder } from '../intake/invoice-store.ts'
import type { OrderedTopUp } from '../intake/pg-invoice-store.ts'
import { ownerCode } from '../ledger/live-account.ts'
import { hashOf } from '../lightning/lnd/lnd-messages.ts'
import type { AtStep } from './crash-at.ts'
import { eachRow } from './each-row.ts'
import type { RowTroubles } from './row-troubles.ts'
import { ROUND_MS, type WorkLoop } from './work-loop.ts'

const PAGE = 100

export interface OrderLoopParts {
  readonly orders: { orders(limit: number): Promise<readonly OrderedTopUp[]> }
  readonly desk: Pick<InvoiceDesk, 'issue'>
  /** The desk's. */
  readonly preimageKey: Uint8Array
  readonly troubles: RowTroubles
  readonly problem: (id: string, error: unknown) => void
  readonly at: AtStep
}

/** Makes invoices for the top-ups that the edge has ordered. */
export const orderLoop = (parts: OrderLoopParts): WorkLoop => ({
  name: 'orders',
  pauseMs: ROUND_MS,
  async page(signal) {
    const { orders, desk, preimageKey, troubles, problem, at } = parts
    const limit = PAGE + troubles.size
    const rows = await orders.orders(limit)
    const issued = await eachRow({
      rows,
      idOf: ({ id }) => id,
      work: async (row) => {
        at('order:issuing')
        await desk.issue(topUpOrder(row, preimageKey))
        at('order:issued')
      },
      troubles,
      problem,
      signal,
    })
    return rows.length === limit && issued > 0
  },
})

/** Nobody but us can know a bundle's code before its invoice is there: the hash is of our preimage. */
function topUpOrder(ordered: OrderedTopUp, preimageKey: Uint8Array): TopUpOrder {
  const { id, accountId, amountMsat, memo, expirySeconds } = ordered
  const to =
    accountId === null
      ? (`l402:${hashOf(derivePreimage(preimageKey, { purpose: 'topup', id, attempt: 0 }))}` as const)
      : ownerCode(accountId)
  return { id, to, amountMsat, memo, expirySeconds }
}
