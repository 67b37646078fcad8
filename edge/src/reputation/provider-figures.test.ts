import type { PeerId } from '@infernet/schemas/peer-id'
import { describe, expect, it } from 'vitest'
import { byScore, classSpeeds, figuresOf, uptimeOf } from './provider-figures.ts'
import { LOOK_BACK_MS, type ProviderRecord, type RecentJobs } from './provider-port.ts'

const HOUR_MS = 3_600_000
const NOW = Date.UTC(2026, 5, 1)
const NO_JOBS: RecentJobs = {
  since: undefined,
  completed: 0,
  failed: 0,
  promptTokens: 0,
  completionTokens: 0,
  firstByteMs: undefined,
  totalMs: undefined,
  speeds: [],
}

const recordOf = (changes: Partial<ProviderRecord> = {}): ProviderRecord => ({
  id: 'peer' as PeerId,
  models: [],
  slots: 1,
  hardware: undefined,
  firstSeenAt: NOW - 2 * LOOK_BACK_MS,
  lastSeenAt: NOW,
  standing: 'clear',
  standingSince: undefined,
  offences: 0,
  onlineMs: LOOK_BACK_MS,
  audits: [],
  jobs: NO_JOBS,
  ...changes,
})
const here = (countedUntil: number, reliability = 1) => ({
  peer: 'peer' as PeerId,
  countedUntil,
  reliability,
})
const audited = (passed: number, failed = 0, unopened = 0) => ({
  spec: 'a',
  passed,
  failed,
  unopened,
  inconclusive: 0,
  consecutiveValid: passed,
  wealth: { requests: 0, lifetime: [0, 0, 0], recent: [0, 0, 0] } as const,
  lately: { passed, failed, unopened },
})
const served = (completed: number, failed = 0): RecentJobs => ({ ...NO_JOBS, completed, failed })
const fast = (model: string, factor: number, jobs = 10): RecentJobs => ({
  ...served(50),
  speeds: [{ model, jobs, firstTokenMs: 100 / factor, tokensPerSecond: 50 * factor }],
})

describe('uptime', () => {
  it('is of the last seven days, or since the provider came', () => {
    expect(uptimeOf(recordOf({ onlineMs: LOOK_BACK_MS / 4 }), undefined, NOW)).toBe(0.25)
    const young = recordOf({ firstSeenAt: NOW - 4 * HOUR_MS, onlineMs: HOUR_MS })
    expect(uptimeOf(young, undefined, NOW)).toBe(0.25)
    expect(uptimeOf(young, here(NOW - HOUR_MS), NOW)).toBe(0.5)
  })

  it('is never more than all of the time', () => {
    expect(uptimeOf(recordOf(), here(NOW - HOUR_MS), NOW)).toBe(1)
    const idle = recordOf({ onlineMs: 0 })
    expect(uptimeOf(idle, here(NOW - 3 * LOOK_BACK_MS), NOW)).toBe(1)
    const justCame = recordOf({ firstSeenAt: NOW, onlineMs: 0 })
    expect(uptimeOf(justCame, here(NOW), NOW)).toBe(1)
    expect(uptimeOf(justCame, undefined, NOW)).toBe(0)
  })
})

describe('the score', () => {
  const scoreOf = (record: ProviderRecord, presence = here(NOW)) =>
    figuresOf(record, presence, classSpeeds([record]), NOW).score
  const good = { audits: [audited(40)], jobs: served(100) }

  it('falls with everything that is worse', () => {
    const best = scoreOf(recordOf(good))
    expect(best).toBeGreaterThan(0.8)
    const worse: readonly Partial<ProviderRecord>[] = [
      { audits: [] },
      { audits: [audited(40, 1)] },
      { audits: [audited(40, 0, 5)] },
      { audits: [audited(40), { ...audited(0, 1), spec: 'b' }] },
      { jobs: served(100, 10) },
      { onlineMs: LOOK_BACK_MS / 2 },
    ]
    for (const change of worse) {
      expect(scoreOf(recordOf({ ...good, ...change }))).toBeLessThan(0.95 * best)
    }
    expect(scoreOf(recordOf(good), here(NOW, 0.5))).toBeCloseTo(best / 2)
  })

  it('compares speeds within each model', () => {
    const records = [
      recordOf({ ...good, jobs: fast('large', 0.1) }),
      recordOf({ ...good, jobs: fast('small', 1) }),
      recordOf({ ...good, jobs: fast('small', 1) }),
      recordOf({ ...good, jobs: fast('small', 1.2) }),
    ]
    const classes = classSpeeds(records)
    const [large, small, , quick] = records.map((record) =>
      figuresOf(record, here(NOW), classes, NOW),
    )
    expect(large?.reputation.speed).toBe(1)
    expect(small?.reputation.speed).toBe(1)
    expect(quick?.reputation.speed).toBeCloseTo(1.44)
  })

  it('orders providers, and equals by their names', () => {
    const named = (id: string, passed: number) => {
      const record = recordOf({ ...good, id: id as PeerId, audits: [audited(passed)] })
      return figuresOf(record, undefined, new Map(), NOW)
    }
    const sorted = byScore([named('c', 1), named('b', 9), named('d', 40), named('a', 1)])
    expect(sorted.map(({ record }) => record.id)).toEqual(['d', 'b', 'a', 'c'])
  })
})
