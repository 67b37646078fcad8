import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { candidate, profile } from '../testing/candidates.ts'
import { blendedPrice, type Candidate } from './candidate.ts'
import { inPriceOrder, MAX_COHORTS, ModelShelf } from './model-shelf.ts'

const PEERS = ['a', 'b', 'c', 'd', 'e', 'f']
const anyProfile = fc
  .record({
    quantization: fc.constantFrom('', 'q4', 'fp8'),
    keepsPrompts: fc.boolean(),
    isVerifiable: fc.boolean(),
  })
  .map(profile)
const anyPrice = fc.record({ prompt: fc.nat({ max: 3 }), completion: fc.nat({ max: 3 }) })
const anyStep = fc.oneof(
  fc.record({
    do: fc.constant('add' as const),
    peer: fc.constantFrom(...PEERS),
    price: anyPrice,
    profile: anyProfile,
  }),
  fc.record({ do: fc.constant('remove' as const), peer: fc.constantFrom(...PEERS) }),
  fc.record({
    do: fc.constant('setFull' as const),
    peer: fc.constantFrom(...PEERS),
    full: fc.boolean(),
  }),
)

interface Known {
  readonly candidate: Candidate
  full: boolean
}

const byPeer = (a: Candidate, b: Candidate): number => a.peer.localeCompare(b.peer)
const sorted = (list: Iterable<Candidate>): Candidate[] => [...list].toSorted(byPeer)

/** Everything that a shelf shows is what a plain list of the same providers says. */
function expectSame(shelf: ModelShelf<Candidate>, model: ReadonlyMap<string, Known>): void {
  const all = [...model.values()]
  const open = all.filter(({ full }) => !full).map((known) => known.candidate)
  expect(shelf.size).toBe(model.size)
  for (const peer of PEERS) expect(shelf.find(peer)).toBe(model.get(peer)?.candidate)
  expect(sorted(shelf.candidates())).toEqual(sorted(all.map((known) => known.candidate)))
  expect(sorted(shelf.cohorts.flatMap((cohort) => cohort.open))).toEqual(sorted(open))
  for (const cohort of shelf.cohorts) {
    const levels = cohort.levels
    expect(levels.length).toBeGreaterThan(0)
    for (const level of levels) {
      expect(level.open.length + level.full.length).toBeGreaterThan(0)
      for (const { price } of [...level.open, ...level.full]) expect(price).toEqual(level.price)
      for (const one of [...level.open, ...level.full]) expect(one.profile).toEqual(cohort.profile)
      for (const { peer } of level.full) expect(model.get(peer)?.full).toBe(true)
    }
    expect(sorted(levels.flatMap((level) => level.open))).toEqual(sorted(cohort.open))
  }
  const profiles = all.map((known) => JSON.stringify(known.candidate.profile))
  expect(shelf.cohorts).toHaveLength(new Set(profiles).size)
  const inOrder = [...inPriceOrder(shelf.cohorts)].flatMap((step) =>
    step.flatMap((level) => [...level.open, ...level.full]),
  )
  const prices = inOrder.map(({ price }) => blendedPrice(price))
  expect(prices).toEqual(prices.toSorted((a, b) => a - b))
  expect(inOrder).toHaveLength(model.size)
}

describe("a model's shelf", () => {
  it('shows what a plain list of its providers would, whoever comes, goes, fills up', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const shelf = new ModelShelf<Candidate>()
        const model = new Map<string, Known>()
        for (const step of steps) {
          const known = model.get(step.peer)
          if (step.do === 'add') {
            const added = candidate(step.peer, { price: step.price, profile: step.profile })
            shelf.add(added)
            model.set(step.peer, { candidate: added, full: false })
          } else if (known !== undefined && step.do === 'remove') {
            shelf.remove(known.candidate)
            model.delete(step.peer)
          } else if (known !== undefined && step.do === 'setFull') {
            shelf.setFull(known.candidate, step.full)
            known.full = step.full
          }
          expectSame(shelf, model)
        }
      }),
    )
  })

  it('leaves alone whom an older offer of the same peer names', () => {
    const shelf = new ModelShelf<Candidate>()
    const [older, newer] = [candidate('a'), candidate('a')]
    shelf.add(older)
    shelf.add(newer)
    shelf.remove(older)
    shelf.setFull(older, true)
    expect(shelf.find('a')).toBe(newer)
    expect(shelf.cohorts.flatMap(({ open }) => open)).toEqual([newer])
  })

  it('puts offers of ever new kinds together in the end', () => {
    const shelf = new ModelShelf<Candidate>()
    const odd = Array.from({ length: MAX_COHORTS + 10 }, (_, i) =>
      candidate(`peer-${i}`, { profile: profile({ quantization: `q${i}` }) }),
    )
    for (const one of odd) shelf.add(one)
    expect(shelf.cohorts).toHaveLength(MAX_COHORTS + 1)
    const mixed = shelf.cohorts.at(-1)
    expect(mixed?.profile).toBeUndefined()
    expect(mixed?.open).toHaveLength(10)
    for (const one of odd) shelf.remove(one)
    expect(shelf.cohorts).toEqual([])
    expect(shelf.size).toBe(0)
  })
})
