import { expect } from 'vitest'
import { CREDIT_MSAT, startEdge, type TestEdge } from './test-edge.ts'

/** A streamed job that has been offered to the edge's only provider. */
export async function streaming(fields: Record<string, unknown> = {}) {
  const edge = await startEdge()
  const provider = await edge.provider()
  const answer = edge.chat({ stream: true, ...fields })
  return { edge, provider, answer, job: await provider.jobs.next() }
}

/** The edge’s only job cost so much, its account is charged just that, and nothing is held. */
export async function expectSpent(edge: TestEdge, msat: number): Promise<void> {
  expect(await edge.balance()).toEqual({
    availableMsat: CREDIT_MSAT - msat,
    reservedMsat: 0,
    openHolds: 0,
  })
  expect(edge.hub.jobsInFlight).toBe(0)
  expect(edge.record.costMsat).toBe(msat)
}
