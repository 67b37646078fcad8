import { DRAWN_SPEC } from '@infernet/verification/testing/drawn-answer'
import { leaseOf, newJobId } from '@infernet/schemas/ids'
import { specIdOf } from '@infernet/schemas/model-spec'
import type { PeerId } from '@infernet/schemas/peer-id'
import { contextAnswer, contextScores } from '@infernet/verification/canary/testing/context-model'
import { seeded } from '@infernet/verification/canary/testing/seeded'
import { beforeEach, describe, expect, it } from 'vitest'
import { AuditKeys } from '../audit/audit-keys.ts'
import { ScoreAskError } from '../audit/score-asks.ts'
import { EdgeEvents } from '../events.ts'
import { modelOffer } from '../testing/fake-provider.ts'
import { FakeVerifier, type Score, type ScoreAsk } from '../testing/fake-verifier.ts'
import type { LogEntry } from '../testing/test-edge.ts'
import { VERIFIER_CHECK_SHARE } from './canary-limits.ts'
import { CheckedVerifiers } from './verifier-canaries.ts'

const SPEC = specIdOf(DRAWN_SPEC)
const MODELS = [modelOffer('mine', { spec: DRAWN_SPEC })]
const LOOK = { spec: SPEC, lease: leaseOf(newJobId(0), 1), isOpen: false }
const TOKENS = 32
const settled = () => new Promise(setImmediate)

const random = seeded(3)
const honest: Score = ({ output }) => contextScores(output, { random, noise: 0.03 })
const otherModel: Score = ({ output }) => contextScores(output, { random, weights: 1.5 })
const inventor: Score = ({ output }) => contextScores(output, { random, weights: random() })

describe('verifiers that are checked', () => {
  let events: EdgeEvents
  let log: LogEntry[]
  let verifiers: CheckedVerifiers

  beforeEach(() => {
    begin(1)
  })

  function begin(share: number) {
    log = []
    events = new EdgeEvents((event, fields) => log.push({ event, fields }))
    const keys = new AuditKeys(new Uint8Array(32).fill(7))
    verifiers = new CheckedVerifiers({
      share,
      isOwn: () => true,
      draw: (name) => keys.draw(name),
      later: () => {},
      now: () => 0,
      calibrationOf: async () => undefined,
      events,
    })
  }

  const join = (name: string, score: Score) => {
    const verifier = new FakeVerifier(name, score)
    verifiers.update(verifier, MODELS)
    return verifier
  }
  const scoreOne = async (before?: PeerId) => {
    const { prompt, positions } = contextAnswer(TOKENS, random)
    const output = positions.map(({ id }) => id)
    const scores = await verifiers.score({ ...LOOK, before }, { prompt, output })
    await settled()
    return scores
  }
  const count = (outcome: string): number => {
    const line = new RegExp(`infernet_verifier_checks_total{outcome="${outcome}"} (\\d+)`)
    return Number(line.exec(events.metrics())?.[1] ?? 0)
  }

  it('go on where they compute', async () => {
    const verifier = join('a', honest)
    for (let n = 0; n < 20; n++) await scoreOne()
    expect(count('passed')).toBe(19)
    expect(verifier.asks).toHaveLength(39)
    expect(log).toEqual([])
    expect(verifiers.has(SPEC)).toBe(true)
  })

  it('are not asked any more where they make it up, until they connect anew', async () => {
    const verifier = join('a', inventor)
    await scoreOne()
    await scoreOne()
    expect(log).toMatchObject([
      { event: 'verifier_rejected', fields: { verifier: 'a', spec: SPEC } },
    ])
    expect(verifiers.has(SPEC)).toBe(false)
    verifiers.update(verifier, MODELS)
    await expect(scoreOne()).rejects.toThrow(ScoreAskError)
    join('a', honest)
    await scoreOne()
    expect(count('rejected')).toBe(1)
  })

  it('are both named where one says this and one that', async () => {
    join('a', honest)
    await scoreOne()
    const liar = join('b', otherModel)
    await scoreOne('a' as PeerId)
    expect(liar.asks).toHaveLength(2)
    expect(log).toMatchObject([{ event: 'verifiers_disagree', fields: { verifiers: ['a', 'b'] } }])
    expect(verifiers.has(SPEC)).toBe(true)
    expect(count('rejected')).toBe(0)
  })

  it('are not asked any more where two others have said the same', async () => {
    join('a', honest)
    const second = join('b', honest)
    for (let n = 0; n < 20; n++) await scoreOne(n % 2 === 0 ? ('a' as PeerId) : undefined)
    verifiers.update(second, [])
    join('c', otherModel)
    for (let n = 0; n < 50 && count('rejected') === 0; n++) await scoreOne('a' as PeerId)
    expect(log).toContainEqual({
      event: 'verifier_rejected',
      fields: expect.objectContaining({ verifier: 'c' }),
    })
    expect(count('rejected')).toBe(1)
  })

  it('are checked so often, whatever they are asked', async () => {
    begin(VERIFIER_CHECK_SHARE)
    const { prompt, positions } = contextAnswer(TOKENS, random)
    const output = positions.map(({ id }) => id)
    const isFirst = (ask: ScoreAsk) => ask.output === output
    const verifier = join('a', (ask) => (isFirst(ask) ? positions : honest(ask)))
    for (let n = 0; n < 1000; n++) {
      await verifiers.score(LOOK, { prompt, output })
      await settled()
    }
    const checks = verifier.asks.filter((ask) => !isFirst(ask)).length
    expect(checks).toBeGreaterThan(25)
    expect(checks).toBeLessThan(80)
  })

  it('do not keep an answer waiting', async () => {
    let asks = 0
    const slow: Score = (ask) =>
      ++asks % 2 === 1 && asks > 1 ? new Promise(() => {}) : honest(ask)
    join('a', slow)
    await scoreOne()
    expect((await scoreOne()).positions).toHaveLength(TOKENS)
    // One check at a time.
    expect((await scoreOne()).positions).toHaveLength(TOKENS)
    expect(asks).toBe(4)
  })

  it('may be too busy for a check', async () => {
    let asks = 0
    const busy: Score = (ask) => {
      if (++asks === 3) throw new ScoreAskError('the verifier has enough to do')
      return honest(ask)
    }
    join('a', busy)
    await scoreOne()
    await scoreOne()
    expect(count('unanswered')).toBe(1)
    expect(verifiers.has(SPEC)).toBe(true)
  })
})
