import type { PeerId } from '@infernet/schemas/peer-id'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  OUTSIDE_SHARE,
  verifierFor,
  type AbleVerifier,
  type VerifierWish,
} from './verifier-choice.ts'

const able: fc.Arbitrary<AbleVerifier[]> = fc.uniqueArray(
  fc.record({
    peer: fc.constantFrom(...'abcdefgh').map((name) => name as PeerId),
    isOwn: fc.boolean(),
    scoring: fc.nat(3),
  }),
  { selector: ({ peer }) => peer, maxLength: 8 },
)
const wish: fc.Arbitrary<VerifierWish> = fc.record({
  isOpen: fc.boolean(),
  drawn: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  before: fc.option(
    fc.constantFrom(...'abcdefghz').map((name) => name as PeerId),
    { nil: undefined },
  ),
})
const each = (property: (verifiers: AbleVerifier[], wanted: VerifierWish) => void): void =>
  fc.assert(fc.property(able, wish, property))

describe('who is asked about an answer', () => {
  it('is never an outside verifier where the answer is not open', () => {
    each((verifiers, wanted) => {
      const chosen = verifierFor(verifiers, { ...wanted, isOpen: false })
      expect(chosen?.isOwn).not.toBe(false)
    })
  })

  it('is never an outside verifier to confirm what another has failed', () => {
    each((verifiers, wanted) => {
      const chosen = verifierFor(verifiers, { ...wanted, before: 'z' as PeerId })
      expect(chosen?.isOwn).not.toBe(false)
    })
  })

  it('is nobody where none of the own ones could confirm it, and somebody where one could', () => {
    each((verifiers, wanted) => {
      const isConfirmable = verifiers.some(({ isOwn }) => isOwn)
      expect(verifierFor(verifiers, wanted) !== undefined).toBe(isConfirmable)
    })
  })

  it('is an outside verifier for that share of the open answers, where there is one', () => {
    const own = { peer: 'a' as PeerId, isOwn: true, scoring: 0 }
    const outside = { peer: 'b' as PeerId, isOwn: false, scoring: 3 }
    const chosen = (drawn: number) => verifierFor([own, outside], { isOpen: true, drawn })
    for (let i = 0; i < 100; i++)
      expect(chosen(i / 100)).toBe(i / 100 < OUTSIDE_SHARE ? outside : own)
    expect(OUTSIDE_SHARE).toBeLessThanOrEqual(0.5)
  })

  it('has least to do of its kind, and has not looked before if there is another', () => {
    each((verifiers, wanted) => {
      const chosen = verifierFor(verifiers, wanted)
      if (chosen === undefined) return
      const alike = verifiers.filter(({ isOwn }) => isOwn === chosen.isOwn)
      const others = alike.filter(({ peer }) => peer !== wanted.before)
      if (others.length > 0) expect(others).toContain(chosen)
      for (const other of others) expect(chosen.scoring).toBeLessThanOrEqual(other.scoring)
    })
  })

  it('is any of the outside verifiers that have equally little to do', () => {
    const outside = [...'bcd'].map((name) => ({ peer: name as PeerId, isOwn: false, scoring: 0 }))
    const verifiers = [{ peer: 'a' as PeerId, isOwn: true, scoring: 0 }, ...outside]
    const chosen = Array.from({ length: 100 }, (_, i) =>
      verifierFor(verifiers, { isOpen: true, drawn: i / 100 }),
    )
    for (const one of outside)
      expect(chosen.filter((other) => other === one).length).toBeGreaterThan(14)
  })
})
