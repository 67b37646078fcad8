import { MAX_KNOWN_MODELS } from '../limits.ts'
import type { StorePort } from '../ports.ts'
import { changeAccount, createAccount, findAccount } from './accounts.ts'
import { changeApiKey, createApiKey, findApiKey, revokeApiKey } from './api-keys.ts'
import { openDatabase } from '@infernet/settlement/db/database'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { findJob } from './jobs.ts'
import { writeLedgerEvents } from './ledger-events.ts'
import { creditsOf, trialBalance } from './ledger.ts'
import { offeredModels, recordProvider } from './providers.ts'
import { storeReceipts } from './receipts.ts'
import { deleteResponse, findResponse, storeResponse } from './responses.ts'
import { usageByDay } from './usage.ts'

/** {@link StorePort} over any Postgres. `now` in ms since the epoch; `feeBps` is the platform's part of what jobs cost. */
export function postgresStore(port: DbPort, now: () => number, feeBps: number): StorePort {
  const db = openDatabase(port)
  return {
    findApiKey: (id) => findApiKey(db, id),
    createAccount: (account) => createAccount(db, account),
    findAccount: (id) => findAccount(db, id),
    changeAccount: (id, limits) => changeAccount(db, id, limits),
    createApiKey: (key) => createApiKey(db, key),
    changeApiKey: (id, limits) => changeApiKey(db, id, limits),
    revokeApiKey: (accountId, id) => revokeApiKey(db, accountId, id, new Date(now())),
    async writeLedgerEvents(batch) {
      await writeLedgerEvents(db, batch, feeBps)
    },
    storeReceipts: (receipts) => storeReceipts(db, receipts),
    credits: (accountId) => creditsOf(db, accountId),
    usageByDay: (accountId, since, limit) => usageByDay(db, accountId, new Date(since), limit),
    trialBalance: () => trialBalance(db),
    findJob: (accountId, job) => findJob(db, accountId, job),
    storeResponse: (response) => storeResponse(db, response, new Date(now())),
    findResponse: (accountId, id, at) => findResponse(db, accountId, id, new Date(at)),
    deleteResponse: (accountId, id) => deleteResponse(db, accountId, id),
    providerSeen: (provider, capability, announcement) =>
      recordProvider(db, provider, { capability, announcement }, new Date(now())),
    knownModels: () => offeredModels(db, MAX_KNOWN_MODELS),
    async ping() {
      await port.query('select 1', [])
    },
  }
}
