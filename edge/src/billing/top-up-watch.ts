import { commentEvent, encodeData } from '@infernet/openai-compat/sse-encoder'
import {
  KEEP_ALIVE_MS,
  ORDERED_INVOICE,
  TOP_UP_EVENTS_MS,
  TOP_UP_EVENTS_POLL_MS,
} from '../limits.ts'
import { applyTransfers, type TransferRim } from './apply-transfers.ts'
import type { BillingStore, StoredTopUp } from './billing-port.ts'
import { pollUntil } from './poll-until.ts'

type WatchRim = TransferRim & { readonly billing: BillingStore }

/**
 * A top-up as it is now; what was paid for it is in the live balance by then, also when the settler has
 * not said so.
 */
export async function readTopUp(rim: WatchRim, id: string): Promise<StoredTopUp | undefined> {
  const row = await rim.billing.findTopUp(id)
  if (row?.state !== 'settled' || row.credited) return row
  await applyTransfers(rim, [`inv:${row.paymentHash}`])
  return rim.billing.findTopUp(id)
}

/** The same, once its invoice is made, or after some seconds. */
export const awaitInvoice = (rim: WatchRim, id: string): Promise<StoredTopUp | undefined> =>
  pollUntil(
    ORDERED_INVOICE,
    () => readTopUp(rim, id),
    (row) => row?.state !== 'requested',
  )

/** Nothing more will come of it, as far as anybody knows. */
const isOver = (row: StoredTopUp): boolean =>
  row.state === 'expired' || (row.state === 'settled' && row.credited)

/**
 * Events of a top-up: how it is now, then whenever that changes, until it is over, its client has
 * left, it cannot be read, or {@link TOP_UP_EVENTS_MS} are. `closed` is called once, at the end.
 */
export function topUpEvents(
  rim: WatchRim,
  first: StoredTopUp,
  options: {
    readonly render: (row: StoredTopUp) => unknown
    readonly closed: (error?: unknown) => void
  },
): ReadableStream<Uint8Array> {
  const { render, closed } = options
  const { promise: stopped, resolve: stop } = Promise.withResolvers<'stopped'>()
  let hasLeft = false
  async function run(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    let last = ''
    let row: StoredTopUp | undefined = first
    for (let at = 0; row !== undefined; at += TOP_UP_EVENTS_POLL_MS) {
      const state = `${row.state} ${row.credited}`
      if (state !== last) controller.enqueue(encodeData(render(row)))
      else if (at % KEEP_ALIVE_MS === 0) controller.enqueue(commentEvent('waiting'))
      last = state
      if (isOver(row) || at >= TOP_UP_EVENTS_MS) break
      if ((await pause(stopped)) === 'stopped') return
      row = await readTopUp(rim, first.id)
      if (hasLeft) return
    }
    controller.close()
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      run(controller).then(
        () => closed(),
        (error: unknown) => {
          closed(error)
          try {
            controller.close()
          } catch {
            // The client left at the same time.
          }
        },
      )
    },
    cancel() {
      hasLeft = true
      stop('stopped')
    },
  })
}

async function pause(stopped: Promise<'stopped'>): Promise<'stopped' | 'over'> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const over = new Promise<'over'>((resolve) => {
    timer = setTimeout(() => resolve('over'), TOP_UP_EVENTS_POLL_MS)
  })
  const ended = await Promise.race([stopped, over])
  clearTimeout(timer)
  return ended
}
