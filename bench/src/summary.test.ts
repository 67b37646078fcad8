import { describe, expect, it } from 'vitest'
import type { ClosedLoopReport } from './load-plan.ts'
import type { Sample } from './rounds.ts'
import { summarise } from './summary.ts'

function sample(round: number, target: string, p50: number, cpuUs: number): Sample {
  const loop: ClosedLoopReport = {
    requests: 10,
    chunks: 0,
    bytes: 7_000,
    failures: round === 2 ? 1 : 0,
    reasons: round === 2 ? ['status 500'] : [],
    requestsPerSecond: 100,
    chunksPerSecond: 0,
    latencyUs: { p50, p99: p50 * 2 },
  }
  const process = { cpuUs, rssBytes: 1, peakRssBytes: 2 }
  const usage = target === 'direct' ? {} : { gateway: process, agent: process }
  return { round, scenario: 'json-1', target, loop, usage }
}

const SAMPLES = [
  sample(0, 'direct', 100, 0),
  sample(0, 'relay', 150, 1_000),
  sample(1, 'relay', 900, 3_000),
  sample(1, 'direct', 700, 0),
  sample(2, 'direct', 100, 0),
  sample(2, 'relay', 190, 2_000),
]

describe('summarise', () => {
  const [direct, relay] = summarise(SAMPLES, ['json-1', 'burst-1'], ['direct', 'relay', 'portkey'])

  it('takes medians over rounds, and differences inside each round', () => {
    expect(relay).toMatchObject({ latencyP50Us: 190, addedP50Us: 90, addedP99Us: 180 })
    expect(direct).toMatchObject({ latencyP50Us: 100, addedP50Us: 0 })
  })

  it('adds up the processes of a path', () => {
    expect(relay).toMatchObject({ cpuPerRequestUs: 400, gatewayRssBytes: 2, totalRssBytes: 4 })
    expect(direct!.cpuPerRequestUs).toBeUndefined()
  })

  it('counts failures and divides by nothing measured', () => {
    expect(relay).toMatchObject({ failures: 1, reasons: ['status 500'] })
    expect(relay!.cpuPerChunkUs).toBeUndefined()
  })

  it('counts a missed hang-up as never', () => {
    const hangUps = { noticedAfterUs: [900, null, 1_100], chunksSent: [5, 200, 6] }
    const missed = { round: 0, scenario: 'h', target: 't', usage: {} }
    const [row] = summarise(
      [{ ...missed, hangUps: { ...hangUps, failures: 0, reasons: [] } }],
      ['h'],
      ['t'],
    )
    expect(row).toMatchObject({ hangUpMedianUs: 1_100, hangUpWorstUs: Number.POSITIVE_INFINITY })
  })
})
