import { forgetOldest } from '../forget-oldest.ts'
import type { EscrowRow, EscrowStore } from '../escrow/escrow-store.ts'
import type { Observers } from './observed-invoices.ts'

/** Escrows whose last state is remembered: many times what the desk lets live. */
const MAX_TOLD = 1_000

/** A store of escrows that tells of each state once. The desk writes the same one often. */
export function observedEscrows(store: EscrowStore, { log, ring }: Observers): EscrowStore {
  const told = new Map<string, EscrowRow['state']>()
  const tell = (row: EscrowRow): EscrowRow => {
    const { paymentHash, job, state, paidMsat, cancelReason } = row
    if (told.get(paymentHash) === state) return row
    told.delete(paymentHash)
    told.set(paymentHash, state)
    forgetOldest(told, MAX_TOLD)
    const fields = { job, payment_hash: paymentHash, paid_msat: paidMsat, reason: cancelReason }
    log(`escrow_${state}`, fields)
    ring()
    return row
  }
  return {
    find: (paymentHash) => store.find(paymentHash),
    unfinished: (afterHash, limit) => store.unfinished(afterHash, limit),
    create: async (request) => tell(await store.create(request)),
    opened: async (paymentHash, invoice) => tell(await store.opened(paymentHash, invoice)),
    accepted: async (paymentHash, held) => tell(await store.accepted(paymentHash, held)),
    decided: async (paymentHash, decision) => tell(await store.decided(paymentHash, decision)),
    settled: async (paymentHash, paidMsat) => tell(await store.settled(paymentHash, paidMsat)),
    cancelled: async (paymentHash, reason) => tell(await store.cancelled(paymentHash, reason)),
  }
}
