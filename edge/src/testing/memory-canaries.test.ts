import { testCanaries } from '../db/conformance/canaries.ts'
import { MemoryCanaries } from './memory-canaries.ts'

testCanaries(() => new MemoryCanaries())
