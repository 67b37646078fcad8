import { MAX_KNOWN_MODELS } from '../limits.ts'
import type { StorePort } from '../ports.ts'
import { createAccount } from './accounts.ts'
import { createApiKey, findApiKey, revokeApiKey } from './api-keys.ts'
import { openDatabase } from './database.ts'
import type { DbPort } from './db-port.ts'
import { findJob } from './jobs.ts'
import { writeLedgerEvents } from './ledger-events.ts'
import { offeredModels, recordProvider } from './providers.ts'
import { storeReceipts } from './receipts.ts'

/** {@link StorePort} over any Postgres. `now` in ms since the epoch. */
export function postgresStore(port: DbPort, now: () => number): StorePort {
  const db = openDatabase(port)
  return {
    findApiKey: (id) => findApiKey(db, id),
    createAccount: (id, name) => createAccount(db, id, name),
    createApiKey: (key) => createApiKey(db, key),
    revokeApiKey: (accountId, id) => revokeApiKey(db, accountId, id, new Date(now())),
    async writeLedgerEvents(events) {
      await writeLedgerEvents(db, events)
    },
    storeReceipts: (provider, receipts) => storeReceipts(db, provider, receipts),
    findJob: (accountId, job) => findJob(db, accountId, job),
    providerSeen: (provider, capability) =>
      recordProvider(db, provider, capability, new Date(now())),
    knownModels: () => offeredModels(db, MAX_KNOWN_MODELS),
    async ping() {
      await port.query('select 1', [])
    },
  }
}
