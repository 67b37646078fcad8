import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isTrustedAlone, nextValidRun } from './adaptive-replication.ts'
import type { ReturnedResult } from './counted-results.ts'
import { type Classification, labelComparator } from './label-comparator.ts'
import { decideQuorum, type QuorumLimits, type ReplicatedTask } from './quorum.ts'

type Returned = ReturnedResult<Classification>

const LIMITS: QuorumLimits = { minQuorum: 2, target: 2, maxErrors: 3, maxTotal: 6 }

/** Attempts a, b, c … of as many operators, with these labels; a margin above the noise unless told. */
const results = (...labels: (string | [label: string, margin: number])[]): Returned[] =>
  labels.map((given, i) => {
    const [label, margin] = typeof given === 'string' ? [given, 5] : given
    const attempt = String.fromCodePoint(97 + i)
    return { attempt, operator: `op-${i}`, homogeneityClass: 'q4', result: { label, margin } }
  })

const taskOf = (
  returned: readonly Returned[],
  over: Partial<ReplicatedTask<Classification>> = {},
) => ({
  limits: LIMITS,
  homogeneityClass: 'q4',
  results: returned,
  errors: 0,
  outstanding: 0,
  ...over,
})

const decide = (
  returned: readonly Returned[],
  over: Partial<ReplicatedTask<Classification>> = {},
) => decideQuorum(taskOf(returned, over), labelComparator())

describe('a quorum', () => {
  it('asks for its copies and waits for them', () => {
    expect(decide([])).toEqual({ state: 'need_copies', copies: 2 })
    expect(decide([], { outstanding: 2 })).toEqual({ state: 'wait' })
    expect(decide(results('x'), { errors: 1 })).toEqual({ state: 'need_copies', copies: 1 })
    expect(decide(results('x'), { outstanding: 1 })).toEqual({ state: 'wait' })
  })

  it('makes the result canonical on which most agree', () => {
    expect(decide(results('x', 'x'))).toEqual({
      state: 'canonical',
      canonical: 'a',
      matched: ['a', 'b'],
      tied: [],
      lost: [],
      uncounted: [],
    })
    const decision = decide(results('y', 'x', 'x'))
    expect(decision).toMatchObject({ canonical: 'b', matched: ['b', 'c'], lost: ['a'] })
  })

  it('needs one more where results differ or tie, until no more are allowed', () => {
    expect(decide(results('x', 'y'))).toEqual({ state: 'need_copies', copies: 1 })
    expect(decide(results('x', 'y'), { outstanding: 1 })).toEqual({ state: 'wait' })
    expect(decide(results(['x', 0.1], ['y', 0.1]))).toEqual({ state: 'need_copies', copies: 1 })
    expect(decide(results('x', 'x', 'y', 'y'))).toEqual({ state: 'need_copies', copies: 1 })
    expect(decide(results('u', 'v', 'w', 'x', 'y', 'z'))).toEqual({
      state: 'give_up',
      reason: 'total',
    })
    expect(decide([], { errors: 3 })).toEqual({ state: 'give_up', reason: 'errors' })
    expect(decide(results('x'), { errors: 5, limits: { ...LIMITS, maxErrors: 9 } })).toEqual({
      state: 'give_up',
      reason: 'total',
    })
    const last = { errors: 4, outstanding: 1, limits: { ...LIMITS, target: 4, maxErrors: 9 } }
    expect(decide(results('x'), last)).toEqual({ state: 'wait' })
  })

  it('punishes no tie', () => {
    const decision = decide(results(['x', 0.1], ['y', 0.1], ['y', 0.1]))
    expect(decision).toMatchObject({ canonical: 'b', matched: ['b', 'c'], tied: ['a'], lost: [] })
  })

  it('counts what cannot be a result as an error and a loss', () => {
    const broken = results('x', ['x', Number.NaN])
    expect(decide(broken)).toEqual({ state: 'need_copies', copies: 1 })
    expect(decide(broken, { errors: 2 })).toEqual({ state: 'give_up', reason: 'errors' })
    expect(decide(results('x', ['x', Number.NaN], 'x'))).toMatchObject({ lost: ['b'] })
  })

  it('compares within one class', () => {
    const [first, second, third] = results('x', 'x', 'x')
    if (!first || !second || !third) throw new Error('three results')
    const other = { ...second, homogeneityClass: 'f16' }
    expect(decide([first, other])).toEqual({ state: 'need_copies', copies: 1 })
    expect(decide([first, other, third])).toMatchObject({ matched: ['a', 'c'], uncounted: ['b'] })
  })

  it('refuses limits that nothing can meet', () => {
    for (const limits of [{ minQuorum: 0 }, { target: 1 }, { maxTotal: 1 }, { maxErrors: 0.5 }])
      expect(() => decide([], { limits: { ...LIMITS, ...limits } })).toThrow(RangeError)
  })
})

const returned: fc.Arbitrary<Returned[]> = fc.uniqueArray(
  fc.record({
    attempt: fc.string({ minLength: 1, maxLength: 3 }),
    operator: fc.constantFrom('o1', 'o2', 'o3', 'o4', 'o5'),
    homogeneityClass: fc.constantFrom('q4', 'q4', 'q4', 'f16'),
    result: fc.record({
      label: fc.constantFrom('x', 'y'),
      margin: fc.constantFrom(5, 0.1, Number.NaN),
    }),
  }),
  { selector: ({ attempt }) => attempt, maxLength: 8 },
)
const limits = fc
  .record({
    minQuorum: fc.integer({ min: 1, max: 4 }),
    more: fc.nat({ max: 2 }),
    maxErrors: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ minQuorum, more, maxErrors }) => ({
    minQuorum,
    target: minQuorum + more,
    maxErrors,
    maxTotal: minQuorum + more + 3,
  }))
const counts = fc.record({ errors: fc.nat({ max: 3 }), outstanding: fc.nat({ max: 3 }) })

describe('any results', () => {
  it('decide the same in any order', () => {
    const shuffled = returned.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    )
    fc.assert(
      fc.property(shuffled, limits, counts, ([one, other], limits, counts) => {
        const over = { limits, ...counts }
        expect(decide(other, over)).toEqual(decide(one, over))
      }),
    )
  })

  it('are counted once for each operator, and sorted into heaps without loss', () => {
    fc.assert(
      fc.property(returned, limits, counts, (all, limits, counts) => {
        const decision = decide(all, { limits, ...counts })
        if (decision.state !== 'canonical') return
        const { canonical, matched, tied, lost, uncounted } = decision
        const operatorOf = new Map(all.map(({ attempt, operator }) => [attempt, operator]))
        const counted = [...matched, ...tied, ...lost]
        expect(new Set(counted.map((name) => operatorOf.get(name))).size).toBe(counted.length)
        const names = [...counted, ...uncounted]
        expect(names.sort()).toEqual(all.map(({ attempt }) => attempt).sort())
        expect(matched).toContain(canonical)
        expect(matched.length).toBeGreaterThan(limits.minQuorum / 2)
        expect(counted.length).toBeGreaterThanOrEqual(limits.minQuorum)
      }),
    )
  })

  it('never lead to more attempts than allowed', () => {
    fc.assert(
      fc.property(returned, limits, counts, (all, limits, counts) => {
        const decision = decide(all, { limits, ...counts })
        if (decision.state === 'wait') expect(counts.outstanding).toBeGreaterThan(0)
        if (decision.state !== 'need_copies') return
        const total = all.length + counts.errors + counts.outstanding + decision.copies
        expect(decision.copies).toBeGreaterThan(0)
        expect(total).toBeLessThanOrEqual(limits.maxTotal)
      }),
    )
  })
})

describe('adaptive replication', () => {
  it('trusts from ten valid results on, with probability 1 - 1/run', () => {
    expect(isTrustedAlone(9, () => 0)).toBe(false)
    expect(isTrustedAlone(10, () => 0.899)).toBe(true)
    expect(isTrustedAlone(10, () => 0.901)).toBe(false)
    expect(isTrustedAlone(1e6, () => 1 - 1e-7)).toBe(false)
  })

  it('counts only what was compared, and forgets all at a loss', () => {
    expect(nextValidRun(12, 'matched')).toBe(13)
    expect(nextValidRun(12, 'not_compared')).toBe(12)
    expect(nextValidRun(12, 'lost')).toBe(0)
  })
})
