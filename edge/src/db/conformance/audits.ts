import type { Refusal } from '@infernet/schemas/audit-report'
import { leaseOf, newJobId, type JobId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { calibrate, UNMEASURED } from '@infernet/verification/evidence/calibration'
import { nextWealth, STARTING_WEALTH } from '@infernet/verification/evidence/wealth'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Audit, AuditStore } from '../../audit/audit-port.ts'

const NOW = Date.UTC(2026, 0, 2)
let peers = 0

export const auditOf = (
  provider: PeerId,
  changes: Partial<Audit> & { job?: JobId } = {},
): Audit => {
  const job = changes.job ?? newJobId(NOW)
  return {
    job,
    lease: leaseOf(job, 1),
    provider,
    model: 'demo',
    spec: 'ab'.repeat(32),
    epoch: 81_000,
    source: 'sample',
    rate: 0.125,
    verdict: 'pass',
    logE: -0.5,
    report: {
      reason: null,
      findings: [{ check: 'usage', severity: 'note', detail: "it's 3 \\ 4" }],
      replay: { log_e: -0.5, tokens: 9, inconclusive: 1, mismatches: 0 },
      rescored: null,
    },
    judgedAt: NOW,
    ...changes,
  }
}

/** What the rows of audits must do, in Postgres and in memory. */
export function testAudits(open: () => AuditStore): void {
  let store: AuditStore
  let peer: PeerId
  beforeEach(() => {
    store = open()
    peer = `12D3KooWaudited${NOW}${++peers}` as PeerId
  })
  const only = async () => {
    const records = await store.recordsOf(peer)
    expect(records).toHaveLength(1)
    return records[0]
  }

  describe('audits', () => {
    it('are found by their job, as they were recorded', async () => {
      const audit = auditOf(peer)
      await store.record(audit)
      expect(await store.auditsOf(audit.job)).toEqual([audit])
      expect(await store.auditsOf(newJobId(NOW))).toEqual([])
    })

    it('count once per lease, however often they are recorded', async () => {
      const audit = auditOf(peer, { logE: 2 })
      await Promise.all([1, 2, 3].map(() => store.record(audit)))
      await store.record({ ...audit, verdict: 'fail', logE: 9 })
      expect(await only()).toMatchObject({
        passed: 1,
        failed: 0,
        consecutiveValid: 1,
        updatedAt: NOW,
      })
      expect(await store.auditsOf(audit.job)).toEqual([audit])
    })

    it('add up to what a verifier on its own would have summed', async () => {
      const evidence = [-0.7, 3, -0.2, 12, -1, -1]
      let wealth = STARTING_WEALTH
      for (const logE of evidence) {
        await store.record(auditOf(peer, { logE }))
        wealth = nextWealth(wealth, logE)
      }
      const record = await only()
      expect(record?.wealth.requests).toBe(evidence.length)
      for (const kind of ['lifetime', 'recent'] as const) {
        for (const i of [0, 1, 2] as const) {
          expect(record?.wealth[kind][i]).toBeCloseTo(wealth[kind][i], 9)
        }
      }
    })

    it('lose none that come at once', async () => {
      await Promise.all(Array.from({ length: 8 }, () => store.record(auditOf(peer, { logE: 1 }))))
      const { wealth } = (await only()) ?? {}
      const alone = nextWealth(STARTING_WEALTH, 1)
      expect(wealth?.lifetime[0]).toBeCloseTo(8 * alone.lifetime[0], 9)
    })

    it('run on until one is not good, whatever could not be judged', async () => {
      const verdicts = ['pass', 'pass', 'inconclusive', 'pass', 'unopened', 'pass', 'fail'] as const
      const runs = []
      for (const verdict of verdicts) {
        await store.record(auditOf(peer, { verdict, logE: verdict === 'inconclusive' ? 5 : 0 }))
        runs.push((await only())?.consecutiveValid)
      }
      expect(runs).toEqual([1, 2, 2, 3, 0, 1, 0])
      const counts = { passed: 4, failed: 1, inconclusive: 1, unopened: 1 }
      expect(await only()).toMatchObject({
        ...counts,
        wealth: { requests: 6, lifetime: [0, 0, 0] },
      })
    })

    it('remember what was not shown without an excuse, since something was', async () => {
      const receipt = { statement: 's', signature: 's', index: 0, size: 1, path: ['p'] }
      const refuse = async (at: number, refusal: Refusal | null, verdict: Audit['verdict']) => {
        const { report } = auditOf(peer)
        const unopened = { ...report, unopened: { refusal } }
        await store.record(auditOf(peer, { verdict, logE: 0, judgedAt: at, report: unopened }))
      }
      const [a, b, c] = [1, 2, 3].map((at) => ({ receipt, asked_at: at })) as [
        Refusal,
        Refusal,
        Refusal,
      ]
      await refuse(NOW + 1, a, 'unopened')
      await store.record(auditOf(peer, { judgedAt: NOW + 2 }))
      expect(await only()).toMatchObject({ unopenedInRow: 0 })
      await refuse(NOW + 3, b, 'unopened')
      await refuse(NOW + 4, null, 'unopened')
      await refuse(NOW + 5, c, 'fail')
      const record = await only()
      expect(record).toMatchObject({ unopenedInRow: 3, unopened: 3, failed: 1 })
      const spec = record?.spec ?? ''
      expect(await store.refusalsOf(peer, spec, 3)).toEqual([b, c])
      expect(await store.refusalsOf(peer, spec, 4)).toEqual([a, b, c])
      expect(await store.refusalsOf(peer, 'another', 4)).toEqual([])
    })

    it('are judged by what was measured last', async () => {
      const spec = `spec of ${peer}`
      expect(await store.calibrationOf(spec)).toBeUndefined()
      await store.setCalibration(spec, UNMEASURED)
      const measured = calibrate([{ excess: [0, 0.1], lpDifference: [0.001, 0.2] }])
      await store.setCalibration(spec, measured)
      expect(await store.calibrationOf(spec)).toEqual(measured)
    })

    it('are kept apart by spec', async () => {
      await store.record(auditOf(peer, { spec: 'a' }))
      await store.record(auditOf(peer, { spec: 'b', verdict: 'fail' }))
      const specs = (await store.recordsOf(peer)).map(({ spec, failed }) => [spec, failed])
      expect(specs.toSorted()).toEqual([
        ['a', 0],
        ['b', 1],
      ])
    })
  })
}
