import { testAudits } from '../db/conformance/audits.ts'
import { MemoryAudits } from './memory-audits.ts'

testAudits(() => new MemoryAudits())
