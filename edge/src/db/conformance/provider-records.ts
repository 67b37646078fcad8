import { newJobId, type JobId, type LeaseId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Announcement, Capability, ModelOffer } from '@infernet/schemas/wire'
import { nextWealth, STARTING_WEALTH } from '@infernet/verification/evidence/wealth'
import { count, HALF_LIFE_MS, noCounts } from '@infernet/verification/reputation/decayed-counts'
import { beforeEach, describe, expect, it } from 'vitest'
import type { AuditStore } from '../../audit/audit-port.ts'
import {
  LOOK_BACK_MS,
  MAX_JOBS_LOOKED_AT,
  type ProviderStore,
} from '../../reputation/provider-port.ts'
import { auditOf } from './audits.ts'
import { finishedJob } from './fixtures.ts'

const HOUR_MS = 3_600_000
/** On the hour. */
const NOW = Date.UTC(2026, 5, 1)

export interface ProviderRig {
  readonly store: ProviderStore
  readonly audits: AuditStore
  /** A provider has said what it can do, at that time in ms since the epoch. */
  seen(
    provider: PeerId,
    capability: Capability,
    at: number,
    announcement?: Announcement,
  ): Promise<unknown>
  ended(jobs: readonly JobRecord[]): Promise<unknown>
}

const OFFER: ModelOffer = {
  id: 'demo',
  context_length: 2048,
  price: { prompt: 1, completion: 2 },
  capabilities: ['tools'],
  endpoints: ['chat.completions'],
  quantization: 'Q8_0',
}
const capability = (changes: Partial<Capability> = {}): Capability => ({
  models: [OFFER],
  slots: 3,
  data_collection: 'deny',
  engine: 'llama-cpp',
  agent: 'test',
  ...changes,
})

const signed = (record: string): Announcement => ({ record, signature: 'A'.repeat(86) })

const newPeer = () => `12D3KooW${newJobId(NOW)}` as PeerId

/** What must be known of a provider, from Postgres and from memory. */
export function testProviderRecords(open: (now: () => number) => ProviderRig): void {
  let rig: ProviderRig
  let peer: PeerId
  beforeEach(async () => {
    rig = open(() => NOW)
    peer = newPeer()
    await rig.seen(peer, capability(), NOW - LOOK_BACK_MS)
  })
  const record = async () => {
    const found = await rig.store.findProvider(peer)
    if (found === undefined) throw new Error('it is not there')
    return found
  }
  /** Jobs of this provider that were ordered a second apart, the latest now. */
  const jobs = (fields: readonly Partial<JobRecord>[]) =>
    fields.map((changes, i) => {
      const createdAt = NOW - (fields.length - 1 - i) * 1000
      return finishedJob({ id: newJobId(createdAt), providerId: peer, createdAt, ...changes })
    })

  describe('what is known of a provider', () => {
    it('is nothing before it came, and nothing of verifiers', async () => {
      const verifier = newPeer()
      await rig.seen(verifier, capability({ role: 'verifier' }), NOW)
      expect(await rig.store.findProvider(newPeer())).toBeUndefined()
      expect(await rig.store.findProvider(verifier)).toBeUndefined()
      const ids = (await rig.store.latestProviders()).map(({ id }) => id)
      expect(ids).toContain(peer)
      expect(ids).not.toContain(verifier)
    })

    it('is what it offers, from when on, before it has done anything', async () => {
      const hardware = { gpus: [{ vendor: 'amd' as const, name: 'GPU' }], memory_mib: 1000 }
      await rig.seen(peer, capability({ slots: 9, hardware }), NOW - 5)
      expect(await record()).toEqual({
        id: peer,
        models: [OFFER],
        slots: 9,
        hardware,
        firstSeenAt: NOW - LOOK_BACK_MS,
        lastSeenAt: NOW - 5,
        standing: 'clear',
        standingSince: undefined,
        offences: 0,
        onlineMs: 0,
        audits: [],
        jobs: {
          since: undefined,
          completed: 0,
          failed: 0,
          promptTokens: 0,
          completionTokens: 0,
          firstByteMs: undefined,
          totalMs: undefined,
          speeds: [],
        },
      })
    })

    it('is without the hardware that no version of ours writes', async () => {
      expect((await record()).hardware).toBeUndefined()
      const gpus = [{ vendor: 'nobody', name: 'GPU' }]
      await rig.seen(peer, { ...capability(), hardware: { gpus } as never }, NOW)
      expect((await record()).slots).toBe(3)
    })

    it('keeps what it signed last, until it signs anew', async () => {
      const kept = () => rig.store.announcementOf(peer)
      expect(await kept()).toBeUndefined()
      expect(await rig.store.announcementOf(newPeer())).toBeUndefined()
      await rig.seen(peer, capability(), NOW - 3, signed('a'))
      await rig.seen(peer, capability(), NOW - 2)
      expect(await kept()).toEqual(signed('a'))
      await rig.seen(peer, capability(), NOW - 1, signed('b'))
      expect(await kept()).toEqual(signed('b'))
    })

    it('is for how long it was there, of each hour at most an hour', async () => {
      const at = (hoursAgo: number, onlineMs: number, provider = peer) => ({
        provider,
        hour: NOW - hoursAgo * HOUR_MS,
        onlineMs,
      })
      const week = LOOK_BACK_MS / HOUR_MS
      await rig.store.addOnlineTime([])
      await rig.store.addOnlineTime([
        at(1, 1000),
        at(2, HOUR_MS),
        at(1, 7, newPeer()),
        at(1, 500),
        at(week + 1, 9),
      ])
      expect(await record()).toMatchObject({
        onlineMs: HOUR_MS + 1500,
        lastSeenAt: NOW - HOUR_MS,
      })
      await rig.store.addOnlineTime([at(2, 1000), at(week, 3), at(1, HOUR_MS - 100)])
      expect((await record()).onlineMs).toBe(2 * HOUR_MS + 3)
    })

    it('is how its jobs ended: by its fault, and by others’', async () => {
      const leg = {
        providerId: peer,
        lease: 'l',
        promptTokens: 1,
        completionTokens: 2,
        claimedTokens: 2,
        costMsat: 0,
      }
      const failed = { status: 'failed', finishReason: null, costMsat: 0 } as const
      await rig.ended([
        ...jobs([
          {},
          { priorLegs: [{ ...leg, providerId: 'another' }], attempts: 2 },
          { ...failed, errorCode: 'provider_failed' },
          { ...failed, errorCode: 'provider_timeout' },
          { ...failed, errorCode: 'engine_refused' },
          { status: 'cancelled', finishReason: null },
          { createdAt: NOW - LOOK_BACK_MS - 1, id: newJobId(NOW - LOOK_BACK_MS - 1) },
        ]),
        finishedJob({
          id: newJobId(NOW),
          createdAt: NOW,
          providerId: 'another',
          priorLegs: [leg],
        }),
      ])
      expect((await record()).jobs).toMatchObject({
        since: NOW - 6000,
        completed: 2,
        failed: 3,
        promptTokens: 6 * 10 - 1,
        completionTokens: 6 * 20 - 2,
      })
    })

    it('is how long its clients waited, where it was the first that was asked', async () => {
      const fields = [10, 20, 30, 40, 50].map((firstByteMs) => ({
        firstByteMs,
        totalMs: 10 * firstByteMs,
      }))
      const whole = { stream: false, firstByteMs: 7, totalMs: 100 }
      const retried = { attempts: 2, firstByteMs: 9999, totalMs: 9999 }
      await rig.ended(jobs([...fields, whole, retried]))
      const { firstByteMs, totalMs, speeds } = (await record()).jobs
      expect(firstByteMs).toEqual({ p50: 30, p90: 50, p99: 50 })
      expect(totalMs).toEqual({ p50: 200, p90: 500, p99: 500 })
      expect(speeds).toMatchObject([{ model: 'demo', jobs: 5, firstTokenMs: 30 }])
      expect(speeds[0]?.tokensPerSecond).toBeCloseTo((20 * 1000) / 300)
    })

    it('keeps models apart', async () => {
      await rig.ended(jobs([{ model: 'a' }, { model: 'b', firstByteMs: 80 }]))
      const { speeds } = (await record()).jobs
      const waits = speeds.map(({ model, firstTokenMs }) => `${model} ${firstTokenMs}`)
      expect(waits.toSorted()).toEqual(['a 40', 'b 80'])
    })

    it('looks at its latest jobs only', async () => {
      const many = Array.from({ length: MAX_JOBS_LOOKED_AT + 20 }, () => ({}))
      await rig.ended(jobs(many))
      expect((await record()).jobs).toMatchObject({
        completed: MAX_JOBS_LOOKED_AT,
        since: NOW - (MAX_JOBS_LOOKED_AT - 1) * 1000,
      })
    })

    it('is what its audits have come to, the old ones by what is left of their weight', async () => {
      const audit = async (spec: string, verdict: 'pass' | 'fail' | 'unopened', ago: number) => {
        const job = newJobId(NOW - ago)
        const changes = { job: job as JobId, lease: `${job}.1` as LeaseId, spec, verdict }
        await rig.audits.record(auditOf(peer, { ...changes, judgedAt: NOW - ago, logE: 1 }))
      }
      await audit('a', 'pass', 2 * HALF_LIFE_MS)
      await audit('a', 'pass', HALF_LIFE_MS)
      await audit('b', 'unopened', HALF_LIFE_MS)
      await audit('a', 'fail', HALF_LIFE_MS / 2)
      await audit('a', 'pass', 0)
      const { audits, standing } = await record()
      expect(standing).toBe('clear')
      const [a, b] = audits.toSorted((one, other) => (one.spec < other.spec ? -1 : 1))
      expect(a).toMatchObject({ spec: 'a', passed: 3, failed: 1, unopened: 0, consecutiveValid: 1 })
      const weighed = count(
        count(noCounts(NOW - 2 * HALF_LIFE_MS), NOW - 2 * HALF_LIFE_MS, { good: 1 }),
        NOW - HALF_LIFE_MS,
        { good: 1 },
      )
      expect(a?.lately.passed).toBeCloseTo(count(weighed, NOW, { good: 1 }).good, 9)
      expect(a?.lately.failed).toBeCloseTo(Math.SQRT1_2, 9)
      expect(a?.wealth.requests).toBe(4)
      expect(a?.wealth.lifetime[2]).toBeCloseTo(4 * nextWealth(STARTING_WEALTH, 1).lifetime[2], 9)
      expect(b).toMatchObject({ spec: 'b', unopened: 1, lately: { passed: 0, unopened: 0.5 } })
      const latest = (await rig.store.latestProviders()).find(({ id }) => id === peer)
      expect(latest).toEqual(await record())
    })

    it('is how it stands', async () => {
      const conduct = {
        standing: 'watched',
        since: NOW - 9,
        offences: 1,
        penalty: undefined,
      } as const
      await rig.audits.record(auditOf(peer), { conduct })
      expect(await record()).toMatchObject({
        standing: 'watched',
        standingSince: NOW - 9,
        offences: 1,
      })
    })
  })
}
