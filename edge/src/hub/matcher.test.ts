import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_CANDIDATES } from '../limits.ts'
import { chooseProvider, type Candidate } from './matcher.ts'

const candidate = (fields: Partial<Candidate> = {}): Candidate => ({
  peer: 'peer',
  slots: 4,
  inFlight: 0,
  reported: 0,
  draining: false,
  price: { prompt: 1, completion: 1 },
  ...fields,
})

/** Yields the given numbers in turn, then the last one. */
function draws(...values: number[]): () => number {
  return () => (values.length > 1 ? values.shift() : values[0]) ?? 0
}

const RULES = { maxPrice: { prompt: 10, completion: 10 }, exclude: new Set<string>() }

const anyCandidate = fc.record({
  peer: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  slots: fc.integer({ min: 1, max: 3 }),
  inFlight: fc.integer({ min: 0, max: 3 }),
  reported: fc.integer({ min: 0, max: 6 }),
  draining: fc.boolean(),
  price: fc.record({ prompt: fc.nat({ max: 20 }), completion: fc.nat({ max: 20 }) }),
})
const anyDraw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const anyCase = {
  candidates: fc.array(anyCandidate, { maxLength: MAX_CANDIDATES }),
  exclude: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }),
  random: fc.array(anyDraw, { minLength: 3, maxLength: 3 }),
}

const eligible = (c: Candidate, exclude: readonly string[]): boolean =>
  !c.draining && !exclude.includes(c.peer) && c.price.prompt <= 10 && c.price.completion <= 10

describe('matching', () => {
  it('picks only providers that may and can take the job, and finds one if there is one', () => {
    fc.assert(
      fc.property(fc.record(anyCase), ({ candidates, exclude, random }) => {
        const rules = { ...RULES, exclude: new Set(exclude) }
        const chosen = chooseProvider(candidates, rules, draws(...random))
        const willing = candidates.filter((c) => eligible(c, exclude))
        const able = willing.filter((c) => c.inFlight < c.slots)
        if (able.length > 0) expect(able).toContain(chosen)
        else expect(chosen).toBe(willing.length > 0 ? 'full' : 'none')
      }),
    )
  })

  it('takes the less loaded of two, by the share of slots in use', () => {
    const small = candidate({ peer: 'small', slots: 2, inFlight: 1 })
    const large = candidate({ peer: 'large', slots: 8, inFlight: 3 })
    expect(chooseProvider([small, large], RULES, draws(0, 0.5))).toBe(large)
    expect(chooseProvider([small, large], RULES, draws(0.5, 0))).toBe(large)
  })

  it('counts the load that a provider reports for other origins', () => {
    const waiting = candidate({ peer: 'waiting', reported: 9 })
    const working = candidate({ peer: 'working', inFlight: 3, reported: 3 })
    expect(chooseProvider([waiting, working], RULES, draws(0, 0.5))).toBe(working)
  })

  it('tells full from none', () => {
    const full = candidate({ inFlight: 4 })
    expect(chooseProvider([], RULES, Math.random)).toBe('none')
    expect(chooseProvider([full], RULES, Math.random)).toBe('full')
    expect(chooseProvider([candidate({ draining: true })], RULES, Math.random)).toBe('none')
  })

  it('looks at a bounded number of candidates', () => {
    let looks = 0
    const busy = new Proxy(candidate({ inFlight: 4 }), {
      get(target, key: keyof Candidate) {
        if (key === 'slots') looks++
        return target[key]
      },
    })
    const many = Array.from({ length: 100_000 }, () => busy)
    expect(chooseProvider(many, RULES, Math.random)).toBe('full')
    expect(looks).toBeLessThanOrEqual(MAX_CANDIDATES + 4)
  })
})
