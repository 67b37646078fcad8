import { describe } from 'vitest'
import { MemoryPayoutStore } from '../testing/memory-payout-store.ts'
import { memoryRig } from '../testing/memory-rig.ts'
import { testPayoutStore } from './payout-store-conformance.ts'

describe('payouts in memory', () => {
  testPayoutStore(async () => memoryRig((ledger) => new MemoryPayoutStore(ledger)))
})
