import { describe } from 'vitest'
import { testPricedJobs } from '../db/conformance/priced-jobs.ts'
import { MemoryPricedJobs } from './memory-priced-jobs.ts'

describe('the rows of priced jobs in memory', () => {
  testPricedJobs((now) => {
    const store = new MemoryPricedJobs(now)
    return { store, settler: store }
  })
})
