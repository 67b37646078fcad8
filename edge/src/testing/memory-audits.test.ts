import { testAudits } from '../db/conformance/audits.ts'
import { testSlashes } from '../db/conformance/slashes.ts'
import { MemoryAudits } from './memory-audits.ts'
import { MemorySlashes } from './memory-slashes.ts'

testAudits(() => new MemoryAudits())
testSlashes(() => {
  const audits = new MemoryAudits()
  return { audits, slashes: new MemorySlashes(audits) }
})
