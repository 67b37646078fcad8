import { fundedBatch } from '../db/conformance/fixtures.ts'
import { testProviderRecords } from '../db/conformance/provider-records.ts'
import { MemoryAudits } from './memory-audits.ts'
import { MemoryProviders } from './memory-providers.ts'
import { MemoryStore } from './memory-store.ts'

testProviderRecords((now) => {
  const store = new MemoryStore()
  const audits = new MemoryAudits()
  const providers = new MemoryProviders({ store, audits }, now)
  return {
    store: providers,
    audits,
    seen: async (provider, capability, at, announcement) =>
      providers.seen(provider, capability, at, announcement),
    ended: (jobs) => store.writeLedgerEvents(fundedBatch(jobs)),
  }
})
