import type { LeaseId } from '@infernet/schemas/ids'
import { specIdOf } from '@infernet/schemas/model-spec'
import type { PeerId } from '@infernet/schemas/peer-id'
import { contextAnswer, contextScores } from '@infernet/verification/canary/testing/context-model'
import { seeded } from '@infernet/verification/canary/testing/seeded'
import { DRAWN_SPEC } from '@infernet/verification/testing/drawn-answer'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { AuditKeys } from '../audit/audit-keys.ts'
import { OUTSIDE_WAIT_MS } from '../audit/audit-limits.ts'
import { ScoreAskError } from '../audit/score-asks.ts'
import { EdgeEvents } from '../events.ts'
import { modelOffer } from '../testing/fake-provider.ts'
import { FakeVerifier, type Score } from '../testing/fake-verifier.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import type { LogEntry } from '../testing/test-edge.ts'
import { MAX_CONTRADICTIONS } from './canary-limits.ts'
import { CheckedVerifiers } from './verifier-canaries.ts'

const SPEC = specIdOf(DRAWN_SPEC)
const MODELS = [modelOffer('mine', { spec: DRAWN_SPEC })]
const TOKENS = 16
const settled = () => new Promise(setImmediate)
const metric = (outcome: string) => `infernet_verifier_checks_total{outcome="${outcome}"}`

/** Verifiers of which those are the operator's whose name begins with `own`. */
function world({ share = 1, seed = 3 }: { share?: number; seed?: number } = {}) {
  const random = seeded(seed)
  const log: LogEntry[] = []
  const events = new EdgeEvents((event, fields) => log.push({ event, fields }))
  const keys = new AuditKeys(new Uint8Array(32).fill(seed))
  const clock = new ManualClock()
  const verifiers = new CheckedVerifiers({
    share,
    isOwn: (peer) => peer.startsWith('own'),
    draw: (name) => keys.draw(name),
    later: clock.later,
    now: () => 0,
    calibrationOf: async () => undefined,
    events,
  })
  const honest: Score = ({ output }) => contextScores(output, { random, noise: 0.03 })
  const liar: Score = ({ output }) => contextScores(output, { random, weights: 1.5 })
  const join = (name: string, score = honest): FakeVerifier => {
    const verifier = new FakeVerifier(name, score)
    verifiers.update(verifier, MODELS)
    return verifier
  }
  let answers = 0
  const look = (isOpen: boolean, before?: PeerId) => {
    const lease = `${seed} ${++answers}` as LeaseId
    return { spec: SPEC, lease, isOpen, before }
  }
  /** Has an answer scored whose prompt is a number of its own. */
  const score = async (isOpen: boolean, { prompt = 0, before }: Asking = {}) => {
    const output = contextAnswer(TOKENS, random).positions.map(({ id }) => id)
    const scoring = verifiers.score(look(isOpen, before), { prompt: [prompt], output })
    const scores = await scoring
    await settled()
    return scores
  }
  return { clock, events, honest, join, liar, log, look, score, verifiers }
}
interface Asking {
  readonly prompt?: number
  readonly before?: PeerId
}

const answers = fc.array(
  fc.record({
    isOpen: fc.boolean(),
    before: fc.option(
      fc.constantFrom('own a', 'outside a').map((name) => name as PeerId),
      { nil: undefined, freq: 1 },
    ),
  }),
  { minLength: 20, maxLength: 20 },
)

describe('outside verifiers', () => {
  it('never see what is not open, nor anything twice, which would be a check', async () => {
    const seen = { answers: 0, renderings: 0 }
    await fc.assert(
      fc.asyncProperty(answers, fc.integer({ min: 1, max: 99 }), async (asked, seed) => {
        const { join, look, score, verifiers } = world({ seed })
        join('own a')
        join('own b')
        const outside = [join('outside a'), join('outside b')]
        for (const [prompt, { isOpen, before }] of asked.entries()) {
          await score(isOpen, { prompt, ...(before && { before }) })
          const ask = { endpoint: 'completions', continues: false, output: [], at: 0 } as const
          const body = Uint8Array.of(prompt)
          await verifiers.render(look(isOpen, before), { ...ask, body }).catch(() => {})
        }
        const shown = outside.flatMap(({ asks, renderings }) => [
          ...asks.map(({ prompt }) => prompt[0] ?? -1),
          ...renderings.map(({ body }) => body[0] ?? -1),
        ])
        for (const prompt of shown) expect(asked[prompt]).toMatchObject({ isOpen: true })
        const scored = outside.flatMap(({ asks }) => asks.map(({ prompt }) => prompt[0]))
        expect(new Set(scored).size).toBe(scored.length)
        seen.answers += scored.length
        seen.renderings += shown.length - scored.length
      }),
      { numRuns: 20 },
    )
    for (const times of Object.values(seen)) expect(times).toBeGreaterThan(10)
  })

  it('are given half of the open answers, by what nobody can foresee', async () => {
    const { events, join, score } = world({ share: 0 })
    join('own')
    join('outside')
    const asked = []
    for (let i = 0; i < 200; i++) asked.push((await score(true)).isOwn)
    const outside = asked.filter((isOwn) => !isOwn).length
    expect(outside).toBeGreaterThan(70)
    expect(outside).toBeLessThan(130)
    expect(events.metrics()).toContain(`infernet_verifier_asks_total{by="outside"} ${outside}`)
    expect(events.metrics()).toContain(`infernet_verifier_asks_total{by="own"} ${200 - outside}`)
  })

  it('are nobody without one of the operator’s own', async () => {
    const { join, look, score, verifiers } = world()
    const outside = join('outside')
    expect(verifiers.has(SPEC)).toBe(false)
    for (let i = 0; i < 20; i++) await expect(score(true)).rejects.toThrow(ScoreAskError)
    const own = join('own')
    expect(verifiers.has(SPEC)).toBe(true)
    verifiers.update(own, [])
    expect(verifiers.has(SPEC)).toBe(false)
    await expect(verifiers.score(look(true), { prompt: [], output: [] })).rejects.toThrow(
      ScoreAskError,
    )
    expect(outside.asks).toEqual([])
  })

  it('are nothing that an own one is judged by', async () => {
    const { events, join, liar, log, score, verifiers } = world()
    join('outside a', liar)
    join('outside b', liar)
    for (let round = 0; round < 3; round++) {
      const own = join('own')
      for (let i = 0; i < 30; i++) await score(true)
      verifiers.update(own, [])
    }
    const disagreed = log.filter(({ event }) => event === 'verifiers_disagree')
    for (const { fields } of disagreed)
      expect(fields['verifiers']).toEqual(['own', expect.stringContaining('outside')])
    const rejected = log.filter(({ event }) => event === 'verifier_rejected')
    expect(rejected.map(({ fields }) => fields['verifier'])).toEqual(
      expect.arrayContaining(['outside a', 'outside b']),
    )
    expect(rejected).toHaveLength(2)
    expect(events.metrics()).toContain(`${metric('rejected')} 2`)
  })

  it('go on where they compute', async () => {
    const { events, join, log, score } = world()
    join('own')
    const outside = join('outside')
    for (let i = 0; i < 40; i++) await score(true)
    expect(log).toEqual([])
    expect(outside.asks.length).toBeGreaterThan(10)
    expect(events.metrics()).toContain(`${metric('passed')} 39`)
  })

  it('are found out where they do not, by an own one that is asked the same', async () => {
    const { join, liar, log, score } = world()
    const own = join('own')
    const outside = join('outside', liar)
    for (let prompt = 1; prompt <= 20; prompt++) await score(true, { prompt })
    const asked = outside.asks.map(({ prompt, output }) => ({ prompt, output }))
    expect(asked).toHaveLength(MAX_CONTRADICTIONS)
    for (const ask of asked) expect(own.asks).toContainEqual(expect.objectContaining(ask))
    expect(log.at(-1)).toMatchObject({
      event: 'verifier_rejected',
      fields: { verifier: 'outside', reason: expect.stringContaining('contradicted') },
    })
  })

  it('are not to blame where no own one has time to be asked the same', async () => {
    const { events, honest, join, score } = world()
    const busy: Score = () => Promise.reject(new ScoreAskError('it has enough to do'))
    join('own', busy)
    const outside = join('outside', honest)
    for (let i = 0; i < 20; i++) await score(true).catch(() => {})
    expect(events.metrics()).toContain(`${metric('unanswered')} ${outside.asks.length}`)
    expect(events.metrics()).not.toContain(metric('disagreed'))
  })

  it.each<[string, Score | undefined]>([
    ['refuse', () => Promise.reject(new ScoreAskError('out of memory'))],
    ['say nothing in time', () => new Promise(() => {})],
  ])('that %s leave the answer to an own one', async (_does, silent) => {
    const { clock, join, look, honest, verifiers } = world({ share: 0 })
    join('own', honest)
    const outside = join('outside', silent)
    for (let i = 0; outside.asks.length === 0; i++) {
      const scoring = verifiers.score(look(true), { prompt: [i], output: [1, 2, 3] })
      await settled()
      clock.advance(OUTSIDE_WAIT_MS)
      expect(await scoring).toMatchObject({ verifier: 'own', isOwn: true })
    }
  })

  describe('that contradict own ones', () => {
    let told: ReturnType<typeof world>
    let outside: FakeVerifier
    const contradict = (name: string, by = 'outside') => {
      const between = { own: 'own' as PeerId, outside: by as PeerId }
      const lease = name as LeaseId
      told.verifiers.contradicted({ ...between, lease, spec: SPEC, reason: 'it failed it' })
    }
    const asksOf = async (verifier: FakeVerifier) => {
      const before = verifier.asks.length
      for (let i = 0; i < 20; i++) await told.score(true)
      return verifier.asks.length - before
    }

    beforeEach(() => {
      told = world({ share: 0 })
      told.join('own')
      outside = told.join('outside')
    })

    it('are not asked any more after the second time, on that connection', async () => {
      for (let i = 1; i < MAX_CONTRADICTIONS; i++) contradict(`lease ${i}`)
      expect(await asksOf(outside)).toBeGreaterThan(0)
      contradict('the last')
      expect(await asksOf(outside)).toBe(0)
      told.verifiers.update(outside, MODELS)
      expect(await asksOf(outside)).toBe(0)
      expect(told.log.map(({ event }) => event)).toEqual([
        ...Array.from({ length: MAX_CONTRADICTIONS }, () => 'verifiers_disagree'),
        'verifier_rejected',
      ])
      expect(await asksOf(told.join('outside'))).toBeGreaterThan(0)
    })

    it('are counted one by one, and each answer once', async () => {
      const other = told.join('outside too')
      contradict('a')
      contradict('a')
      contradict('b', 'outside too')
      expect(await asksOf(outside)).toBeGreaterThan(0)
      expect(await asksOf(other)).toBeGreaterThan(0)
    })

    it('may be gone when that is found', () => {
      contradict('a', 'who has left')
      expect(told.log).toMatchObject([
        { event: 'verifiers_disagree', fields: { verifiers: ['own', 'who has left'] } },
      ])
    })
  })
})
