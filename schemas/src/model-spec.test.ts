import { describe, expect, it } from 'vitest'
import { modelSpecSchema, specIdOf, type ModelSpec } from './model-spec.ts'

const spec: ModelSpec = {
  weights: 'ab'.repeat(32),
  quantization: 'Q8_0',
  kv: 'f16',
  engine: 'llama.cpp-v0.5.0',
  backend: 'cpu',
  template: 'cd'.repeat(32),
}

describe('specIdOf', () => {
  it('does not depend on the order of the fields, and on every one of them', () => {
    const id = specIdOf(spec)
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect(specIdOf(Object.fromEntries(Object.entries(spec).toReversed()) as ModelSpec)).toBe(id)
    const others = Object.keys(spec).map((field) => {
      const isHash = field === 'weights' || field === 'template'
      return specIdOf({ ...spec, [field]: isHash ? '00'.repeat(32) : 'other' })
    })
    expect(new Set([id, ...others]).size).toBe(7)
  })

  it('has no spec whose words could be mistaken for two', () => {
    expect(modelSpecSchema.safeParse({ ...spec, kv: 'f16\0x' }).success).toBe(false)
  })
})
