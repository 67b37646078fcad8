import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cosineDistance, embeddingComparator, SAME_QUANT } from './embedding-comparator.ts'
import { exactComparator } from './exact-comparator.ts'
import {
  divergenceLoser,
  firstDivergence,
  generationComparator,
  SCORE_NOISE_NATS,
} from './generation-comparator.ts'
import { LABEL_NOISE_NATS, labelComparator } from './label-comparator.ts'
import { comparatorConformance } from './testing/comparator-conformance.ts'

const embeddings = embeddingComparator(3)
const labels = labelComparator()
const score = (_: readonly number[], id: number): number | undefined => [0, -0.2, -0.4, -3][id]
const generation = generationComparator(score)

const component = fc.oneof(fc.double(), fc.double({ min: -1, max: 1 }), fc.constantFrom(0, 1, 1.01))
comparatorConformance(
  'the comparator of embeddings',
  embeddings,
  fc.array(fc.array(component, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 2 }),
)
comparatorConformance(
  'the comparator of labels',
  labels,
  fc.record({
    label: fc.constantFrom('yes', 'no'),
    margin: fc.oneof(fc.double({ min: 0, max: 0.3 }), fc.double()),
  }),
)
comparatorConformance(
  'the exact comparator',
  exactComparator,
  fc.record({
    outputSha256: fc.constantFrom('a'.repeat(64), 'b'.repeat(64), 'c'),
    fuel: fc.oneof(fc.constantFrom(1, 2), fc.double()),
  }),
)
comparatorConformance(
  'the comparator of generated texts',
  generation,
  fc.array(fc.oneof(fc.nat({ max: 4 }), fc.double()), { maxLength: 4 }),
)

describe('embeddings', () => {
  const turned = (cosine: number, scale = 1) => [
    [scale * cosine, scale * Math.sqrt(1 - cosine ** 2), 0],
  ]
  const one = [[1, 0, 0]]

  it('agree within the cosine and the norm', () => {
    expect(embeddings.compare(one, turned(1 - 0.9e-3))).toBe('agree')
    expect(embeddings.compare(one, turned(1 - 1.1e-3))).toBe('disagree')
    expect(embeddings.compare(one, turned(1, 1.009))).toBe('agree')
    expect(embeddings.compare(one, turned(1, 1.02))).toBe('disagree')
    expect(embeddings.compare(one, [[-1, 0, 0]])).toBe('disagree')
    const loose = embeddingComparator(3, { ...SAME_QUANT, minCosine: 0.9 })
    expect(loose.compare(one, turned(0.95))).toBe('agree')
  })

  it('agree in every vector', () => {
    const both = [...one, ...one]
    expect(embeddings.compare(both, [...one, ...turned(0.5)])).toBe('disagree')
    expect(embeddings.compare(both, one)).toBe('disagree')
  })

  it('are vectors of the model’s shape with a norm', () => {
    const wrong = [
      [],
      [[1, 0]],
      [[0, 0, 0]],
      [[Number.NaN, 0, 1]],
      [[Infinity, 0, 0]],
      [[1e200, 0, 0]],
    ]
    for (const vectors of wrong) expect(embeddings.fault(vectors)).toBeDefined()
    expect(embeddings.fault(one)).toBeUndefined()
  })

  it('are of one length each where nobody has said which', () => {
    const open = embeddingComparator(undefined)
    expect(open.fault([[1, 0, 0, 0]])).toBeUndefined()
    expect(open.fault([[1, 0], [1]])).toBeDefined()
    expect(open.compare([[1, 0]], [[1, 0, 0]])).toBe('disagree')
  })

  it('are as far apart as the two that are farthest', () => {
    const near = [...turned(0.9), ...turned(0.5)]
    expect(cosineDistance([...one, ...one], near)).toBeCloseTo(0.5)
    expect(cosineDistance(one, [[-2, 0, 0]])).toBeCloseTo(2)
    expect(cosineDistance(one, near)).toBeUndefined()
    expect(cosineDistance(one, [[1, 0]])).toBeUndefined()
  })
})

describe('labels', () => {
  const yes = (margin: number) => ({ label: 'yes', margin })
  const no = (margin: number) => ({ label: 'no', margin })

  it('that differ tie where noise can make both', () => {
    const half = LABEL_NOISE_NATS / 2
    expect(labels.compare(yes(4), yes(0))).toBe('agree')
    expect(labels.compare(yes(half), no(half))).toBe('tie')
    expect(labels.compare(yes(half), no(half + 0.01))).toBe('disagree')
    expect(labels.compare(yes(0), no(3))).toBe('disagree')
  })

  it('have a margin', () => {
    for (const margin of [-0.1, Infinity, Number.NaN])
      expect(labels.fault(yes(margin))).toBeDefined()
  })
})

describe('exact results', () => {
  const result = (digit: string, fuel: number) => ({ outputSha256: digit.repeat(64), fuel })

  it('agree in output and fuel', () => {
    expect(exactComparator.compare(result('a', 5), result('a', 5))).toBe('agree')
    expect(exactComparator.compare(result('a', 5), result('b', 5))).toBe('disagree')
    expect(exactComparator.compare(result('a', 5), result('a', 6))).toBe('disagree')
    expect(exactComparator.fault(result('A', 5))).toBeDefined()
    expect(exactComparator.fault(result('a', -1))).toBeDefined()
  })
})

describe('generated texts', () => {
  it('part at the first id that differs', () => {
    expect(firstDivergence([1, 2, 3], [1, 2, 3])).toBeUndefined()
    expect(firstDivergence([1, 2, 3], [1, 3])).toEqual({ prefix: [1], one: 2, other: 3 })
    expect(firstDivergence([1], [1, 3])).toEqual({ prefix: [1], one: undefined, other: 3 })
  })

  it('are judged there alone, by the verifier’s scores', () => {
    const compared = (one: number[], other: number[]) => generation.compare(one, other)
    expect(compared([0, 3, 3], [1, 2, 2])).toBe('agree')
    expect(compared([9, 0, 3], [9, 2, 0])).toBe('disagree')
    expect(compared([9], [9, 2])).toBe('tie')
    expect(compared([0], [9])).toBe('tie')
  })

  it('lose by the token whose score is beyond the noise', () => {
    const between = (one: number | undefined, other: number | undefined) =>
      divergenceLoser({ prefix: [], one, other }, score, SCORE_NOISE_NATS)
    expect(between(0, 3)).toBe('other')
    expect(between(3, 0)).toBe('one')
    expect(between(0, 1)).toBe('neither')
    expect(between(undefined, 1)).toBe('unknown')
  })
})
