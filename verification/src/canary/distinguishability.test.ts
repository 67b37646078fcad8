import { describe, expect, it } from 'vitest'
import { distinguishability, MAX_CANARY_AUC } from './distinguishability.ts'
import { nextPrompt } from './prompt-source.ts'
import type { SeenRequest } from './request-features.ts'
import type { RequestShape } from './request-shape.ts'
import { seeded } from './testing/seeded.ts'
import { traffic } from './testing/traffic.ts'
import { draw, EMPTY_MIX, observe } from './traffic-mix.ts'

/** A stream of requests: the mix is made of its first half, and canaries replace one in three of the second. */
const random = seeded(21)
const stream = traffic(8000, random)
const mix = stream.slice(0, 4000).reduce((mix, shape) => observe(mix, shape, random), EMPTY_MIX)
const replaced: RequestShape[] = []
const kept: RequestShape[] = []
for (const shape of stream.slice(4000)) (random() < 1 / 3 ? replaced : kept).push(shape)

function shapeOf(shape: RequestShape | undefined): RequestShape {
  if (shape === undefined) throw new Error('a full mix')
  return shape
}

/** The canary in the place of `request`, as long as its prompt came out. */
function canaryFor(request: RequestShape): Required<SeenRequest> {
  const shape = shapeOf(draw(mix, random, request))
  const prompt = nextPrompt(shape, { random, isUsed: () => false })
  const text = prompt.map(({ content }) => content).join('\n')
  const promptChars = prompt.reduce((sum, { content }) => sum + content.length, 0)
  return { shape: { ...shape, promptChars }, text }
}

const canaries = replaced.map(canaryFor)
const seen = (shapes: readonly RequestShape[]): SeenRequest[] => shapes.map((shape) => ({ shape }))

describe('canaries drawn from the mix', () => {
  it('are not told from traffic by their shape', () => {
    const found = distinguishability(seen(canaries.map(({ shape }) => shape)), seen(kept), random)
    expect(found).toBeLessThanOrEqual(MAX_CANARY_AUC)
  })

  it('are not told from each other by shape and text', () => {
    const kinds = [0, 1].map((rest) => canaries.filter((_, i) => i % 2 === rest))
    const found = distinguishability(kinds[0] ?? [], kinds[1] ?? [], random)
    expect(Math.abs(found - 0.5)).toBeLessThan(0.06)
  })
})

describe('naive canaries', () => {
  const found = (shapes: readonly RequestShape[]): number =>
    distinguishability(seen(shapes), seen(kept), random)

  it.each<Partial<RequestShape>>([
    { promptChars: 213, messages: 1, hasSystem: false, maxTokens: 128, temperature: 0 },
    { promptChars: 213 },
    { maxTokens: 100 },
    { interArrivalMs: 600_000 },
  ])('are found by what is always the same: %o', (fixed) => {
    expect(found(replaced.map((shape) => ({ ...shape, ...fixed })))).toBeGreaterThan(0.9)
  })

  it('are found by what does not belong together', () => {
    const lengthOf = (i: number) => replaced[i % replaced.length]?.promptChars ?? 0
    const mixed = replaced.map((shape, i) => ({ ...shape, promptChars: lengthOf(i + 700) }))
    expect(found(mixed)).toBeGreaterThan(0.65)
    const anyTime = replaced.map(({ hour, interArrivalMs }) => {
      const shape = draw(mix, random)
      return { ...shapeOf(shape), hour, interArrivalMs }
    })
    expect(found(anyTime)).toBeGreaterThan(0.6)
  })

  it('are found by their words', () => {
    const some = canaries.slice(0, 300)
    const fixed = some.map(({ shape }) => ({ shape, text: 'What is the capital of France?' }))
    expect(distinguishability(fixed, some, random)).toBeGreaterThan(0.99)
  })
})
