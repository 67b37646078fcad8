import { describe } from 'vitest'
import { testBilling } from '../db/conformance/billing.ts'
import { MemoryBilling } from './memory-billing.ts'

describe('the money rows in memory', () => {
  testBilling(() => {
    const billing = new MemoryBilling()
    return { billing, settler: billing }
  })
})
