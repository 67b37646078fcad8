import { describe } from 'vitest'
import { MemoryEscrowStore } from '../testing/memory-escrow-store.ts'
import { memoryRig } from '../testing/memory-rig.ts'
import { testEscrowStore } from './escrow-store-conformance.ts'

describe('escrows in memory', () => {
  testEscrowStore(async () => memoryRig((ledger) => new MemoryEscrowStore(ledger)))
})
