import { madeAt } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { goodConduct, nextConduct, type Conduct } from '@infernet/verification/reputation/conduct'
import { evidenceHash } from '@infernet/verification/verdict/audit-evidence'
import { STARTING_WEALTH } from '@infernet/verification/evidence/wealth'
import { beforeEach, describe, expect, it } from 'vitest'
import type { AuditStore, ConductChange } from '../../audit/audit-port.ts'
import type { SlashStore } from '../../audit/slash-port.ts'
import { auditOf } from './audits.ts'

const NOW = Date.UTC(2026, 0, 3)
let peers = 0

const RICH = { ...STARTING_WEALTH, lifetime: [20, 20, 20] } as const
const accused = nextConduct(goodConduct(0), { type: 'wealth', wealth: RICH }, NOW)

/** A provider's conviction by some evidence. */
function convictionBy(evidence: string, before: Conduct = accused): Required<ConductChange> {
  const hash = evidenceHash(evidence)
  const conduct = nextConduct(before, { type: 'confirmed', evidence: hash }, NOW)
  return { conduct, slash: { id: `slash_${hash.slice(0, 32)}`, evidence, isOpen: true } }
}

/** What the rows of conduct and slashes must do, in Postgres and in memory. */
export function testSlashes(
  open: () => {
    readonly audits: AuditStore
    readonly slashes: SlashStore
    /** A provider has come for the first time, at `at` (ms since the epoch), and is paid there. */
    readonly seen: (provider: PeerId, destination: string, at: number) => Promise<void>
  },
): void {
  let audits: AuditStore
  let slashes: SlashStore
  let seen: ReturnType<typeof open>['seen']
  let peer: PeerId
  let change: Required<ConductChange>
  const failed = () => auditOf(peer, { verdict: 'fail', logE: 12, judgedAt: NOW })
  beforeEach(() => {
    ;({ audits, seen, slashes } = open())
    peer = `12D3KooWslashed${NOW}${++peers}${Math.random()}` as PeerId
    change = convictionBy(`{"of":"${peer}"}`)
  })

  describe('the conduct of a provider', () => {
    it('is good until something says otherwise, and then what the last audit said', async () => {
      expect(await audits.conductOf(peer)).toBeUndefined()
      await audits.record(failed(), { conduct: accused })
      expect(await audits.conductOf(peer)).toEqual(accused)
      const again = { ...accused, standing: 'watched', since: NOW + 5 } as const
      await audits.record(auditOf(peer), { conduct: again })
      expect(await audits.conductOf(peer)).toEqual(again)
    })

    it('starts anew when an accusation has fallen, and only then', async () => {
      await audits.record(failed(), { conduct: accused })
      const fallen = nextConduct(accused, { type: 'refuted' }, NOW + 1)
      await audits.restart(peer, fallen)
      expect(await audits.conductOf(peer)).toEqual(fallen)
      const [record] = await audits.recordsOf(peer)
      expect(record).toMatchObject({ failed: 1, wealth: { lifetime: [0, 0, 0] } })
      await audits.record(failed(), change)
      await audits.restart(peer, fallen)
      expect(await audits.conductOf(peer)).toEqual(change.conduct)
    })
  })

  describe('where a banned provider was paid', () => {
    it('nobody is paid who comes after that', async () => {
      const [home, other] = [`${peer}@home`, `${peer}@other`]
      const named = (name: string) => `${peer}${name}` as PeerId
      await seen(named('early'), home, NOW - 1)
      await seen(peer, home, NOW - 1)
      await audits.record(failed(), convictionBy(`{"b":"${peer}"}`, { ...accused, offences: 1 }))
      await seen(named('late'), home, NOW + 1)
      expect(await audits.isShunned(named('late'), home)).toBe(true)
      expect(await audits.isShunned(named('unseen'), home)).toBe(true)
      expect(await audits.isShunned(named('early'), home)).toBe(false)
      expect(await audits.isShunned(peer, home)).toBe(false)
      expect(await audits.isShunned(named('late'), other)).toBe(false)
    })
  })

  describe('a slash', () => {
    it('is written with the audit that it follows from, with its evidence', async () => {
      const good = auditOf(peer)
      await audits.record(good)
      const audit = failed()
      await audits.record(audit, change)
      await audits.record(audit, change)
      const { id, evidence } = change.slash
      const [slash, ...others] = await slashes.ofProvider(peer)
      expect(others).toEqual([])
      expect(slash).toEqual({
        id,
        provider: peer,
        spec: audit.spec,
        model: audit.model,
        lease: audit.lease,
        state: 'open',
        evidenceSha256: evidenceHash(evidence),
        isOpen: true,
        affectedFrom: madeAt(good.job),
        openedAt: NOW,
        appealUntil: change.conduct.penalty?.appealUntil,
        appealedAt: undefined,
        appeal: undefined,
        decidedAt: undefined,
        refundedMsat: undefined,
        forfeitedMsat: undefined,
      })
      expect(await slashes.find(id)).toEqual(slash)
      expect(await slashes.evidenceOf(id)).toBe(evidence)
      expect(await audits.conductOf(peer)).toEqual(change.conduct)
      expect(await slashes.find('slash_none')).toBeUndefined()
      expect(await slashes.evidenceOf('slash_none')).toBeUndefined()
    })

    it('is not changed by what comes after, until it is final', async () => {
      await audits.record(failed(), change)
      await audits.record(failed(), convictionBy(`{"late":"${peer}"}`))
      await audits.record(auditOf(peer), { conduct: goodConduct(NOW) })
      expect(await audits.conductOf(peer)).toEqual(change.conduct)
      expect(await slashes.ofProvider(peer)).toHaveLength(1)
    })

    it('can be appealed against once, in time, and the operator decides that', async () => {
      await audits.record(failed(), change)
      const { id } = change.slash
      const until = change.conduct.penalty?.appealUntil ?? 0
      expect(await slashes.appeal(id, { reason: 'late', at: until })).toBe(false)
      expect(await slashes.decide(id, 'upheld', NOW)).toBe(false)
      const mine = { reason: "it wasn't me \\", at: until - 1 }
      expect(await slashes.appeal(id, mine)).toBe(true)
      expect(await slashes.appeal(id, mine)).toBe(false)
      expect(await slashes.find(id)).toMatchObject({
        state: 'appealed',
        appeal: mine.reason,
        appealedAt: mine.at,
      })
      const appealed = await slashes.inState('appealed')
      expect(appealed.map((slash) => slash.id)).toContain(id)
      expect((await audits.conductOf(peer))?.penalty?.isAppealed).toBe(true)
      expect(await slashes.decide(id, 'denied', until)).toBe(true)
      expect(await slashes.find(id)).toMatchObject({ state: 'due', decidedAt: until })
      expect(await slashes.decide(id, 'upheld', until)).toBe(false)
    })

    it.each([
      ['slashed', 'clear'],
      ['banned', 'watched'],
    ] as const)('that is lifted makes who was %s %s again', async (standing, after) => {
      const offences = standing === 'banned' ? 1 : 0
      change = convictionBy(`{"of":"${peer}"}`, { ...accused, offences })
      const audit = failed()
      await audits.record(audit, change)
      expect((await audits.conductOf(peer))?.standing).toBe(standing)
      await slashes.appeal(change.slash.id, { reason: 'see', at: NOW })
      expect(await slashes.decide(change.slash.id, 'upheld', NOW + 9)).toBe(true)
      expect(await audits.conductOf(peer)).toEqual({
        standing: after,
        since: NOW + 9,
        offences,
        penalty: undefined,
      })
      expect(await audits.recordsOf(peer)).toMatchObject([
        { failed: 0, inconclusive: 1, wealth: { lifetime: [0, 0, 0] } },
      ])
      expect(await audits.auditsOf(audit.job)).toMatchObject([
        { verdict: 'inconclusive', report: { reason: 'an appeal was upheld' } },
      ])
    })
  })
}
