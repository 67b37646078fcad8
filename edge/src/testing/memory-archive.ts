import type { AccountId } from '@infernet/schemas/ids'
import type { ReceiptArchive } from '../receipts/receipt-archive.ts'
import type { MemoryStore } from './memory-store.ts'

/** Any account's jobs in a store. */
export const archiveIn = (store: MemoryStore): ReceiptArchive => ({
  find: async (id) => {
    const owner = [...store.ledger.values()].find(({ job }) => job?.id === id)?.job?.accountId
    return owner === undefined ? undefined : store.findJob(owner as AccountId, id)
  },
})
