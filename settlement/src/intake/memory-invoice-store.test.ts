import { describe } from 'vitest'
import { MemoryInvoiceStore } from '../testing/memory-invoice-store.ts'
import { memoryRig } from '../testing/memory-rig.ts'
import { testInvoiceStore } from './invoice-store-conformance.ts'

describe('top-ups in memory', () => {
  testInvoiceStore(async () => memoryRig((ledger) => new MemoryInvoiceStore(ledger)))
})
