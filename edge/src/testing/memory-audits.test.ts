import { testAudits } from '../db/conformance/audits.ts'
import { testSlashes } from '../db/conformance/slashes.ts'
import type { PeerId } from '@infernet/schemas/peer-id'
import { MemoryAudits } from './memory-audits.ts'
import { MemorySlashes } from './memory-slashes.ts'

testAudits(() => new MemoryAudits())
testSlashes(() => {
  const audits = new MemoryAudits()
  const seen = async (provider: PeerId, destination: string, at: number) => {
    audits.destinations.set(provider, destination)
    audits.firstSeen.set(provider, at)
  }
  return { audits, slashes: new MemorySlashes(audits), seen }
})
