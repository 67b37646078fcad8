import type { Position } from '@infernet/schemas/transcript'
import { describe, expect, it } from 'vitest'
import { calibrate, UNMEASURED } from '../evidence/calibration.ts'
import { lpDifferences } from '../evidence/lp-difference.ts'
import { contextAnswer, contextScores, LISTED, VOCABULARY } from './testing/context-model.ts'
import { seeded } from './testing/seeded.ts'
import { badTwinOf, repeatOf, verifierFault, type VerifierCheck } from './verifier-check.ts'

const TOKENS = 40

/** What two honest machines of the class differ by. */
const MEASURED = calibrate(
  Array.from({ length: 100 }, (_, seed) => {
    const random = seeded(1000 + seed)
    const { positions } = contextAnswer(TOKENS, random)
    const output = positions.map(({ id }) => id)
    const other = contextScores(output, { random, noise: 0.03 })
    return { excess: output.map(() => 0), lpDifference: [...lpDifferences(positions, other)] }
  }),
)

const seeds = Array.from({ length: 40 }, (_, seed) => seed)

/** Of as many checks of either kind, how many find fault with who answers so. */
function faults(answer: (check: VerifierCheck, random: () => number) => readonly Position[]) {
  const counts = { repeat: 0, twin: 0 }
  for (const calibration of [MEASURED, UNMEASURED]) {
    for (const seed of seeds) {
      const random = seeded(seed)
      const known = contextAnswer(TOKENS, random)
      const twin = badTwinOf(known, random) ?? expect.fail('no twin')
      const repeat = repeatOf(known)
      if (verifierFault(repeat, answer(repeat, random), calibration)) counts.repeat++
      if (verifierFault(twin, answer(twin, random), calibration)) counts.twin++
    }
  }
  return counts
}
const ALL = 2 * seeds.length

describe('checks of a verifier', () => {
  it('find no fault with who computes', () => {
    const found = faults(({ output }, random) => contextScores(output, { random, noise: 0.03 }))
    expect(found).toEqual({ repeat: 0, twin: 0 })
  })

  it('find who has another model', () => {
    const found = faults(({ output }, random) => contextScores(output, { random, weights: 1.5 }))
    expect(found).toEqual({ repeat: ALL, twin: ALL })
  })

  it('find who makes numbers up', () => {
    const found = faults(({ output }, random) =>
      output.map((id) => {
        const others = Array.from({ length: LISTED - 1 }, (_, i) => (id + i + 1) % VOCABULARY)
        const top = [id, ...others].map((token, i) => ({ id: token, logprob: -0.2 - i * random() }))
        return { id, logprob: -0.2, top }
      }),
    )
    expect(found).toEqual({ repeat: ALL, twin: ALL })
  })

  it('find who says of every token that it is likely', () => {
    const found = faults(({ output }, random) =>
      contextScores(output, { random }).map((place) => ({
        ...place,
        logprob: place.top[0]!.logprob,
      })),
    )
    expect(found).toMatchObject({ twin: ALL })
  })

  it('find who says again what the provider has said', () => {
    const found = faults(({ known, output }) =>
      known.positions.map((place, i) => {
        const id = output[i] ?? 0
        const logprob = place.top.find((candidate) => candidate.id === id)?.logprob ?? -30
        return { ...place, id, logprob }
      }),
    )
    expect(found).toEqual({ repeat: 0, twin: ALL })
  })

  it('find who scores something else', () => {
    const found = faults(({ output }, random) => contextScores(output.slice(1), { random }))
    expect(found).toEqual({ repeat: ALL, twin: ALL })
  })
})

describe('a bad twin', () => {
  it('differs in one token of the middle, which was far from likely', () => {
    for (const seed of seeds) {
      const known = contextAnswer(TOKENS, seeded(seed))
      const { output, replaced } = badTwinOf(known, seeded(seed)) ?? expect.fail('no twin')
      const changed = output.flatMap((id, i) => (id === known.positions[i]?.id ? [] : [i]))
      expect(changed).toEqual([replaced?.place])
      expect(replaced?.place).toBeGreaterThanOrEqual(TOKENS / 4)
      expect(replaced?.place).toBeLessThan((3 * TOKENS) / 4)
      const best = known.positions[changed[0] ?? 0]?.top[0]?.logprob ?? 0
      expect(replaced?.logprob).toBeLessThanOrEqual(best - 3)
    }
  })

  it('is not made of places of which too little is known', () => {
    const { positions } = contextAnswer(TOKENS, seeded(1))
    const bare = positions.map((place) => ({ ...place, top: place.top.slice(0, 1) }))
    expect(badTwinOf({ prompt: [], positions: bare }, seeded(1))).toBeUndefined()
    expect(badTwinOf({ prompt: [], positions: [] }, seeded(1))).toBeUndefined()
  })
})
