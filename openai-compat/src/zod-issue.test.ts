import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ApiError } from './api-error.ts'
import { checkShape } from './zod-issue.ts'

function problem(schema: z.ZodType, value: unknown): ApiError {
  try {
    checkShape(schema, value)
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error('was accepted')
}

describe('checkShape', () => {
  const people = z.looseObject({ people: z.array(z.looseObject({ name: z.string() })).max(1000) })

  it('accepts what has the shape and leaves it alone', () => {
    const value = Object.freeze({ people: [Object.freeze({ name: 'ada', age: 36 })], more: 1 })
    expect(() => checkShape(people, value)).not.toThrow()
  })

  it.each([
    [1000, 'people.0.name', 1],
    [1001, 'people', 0],
  ])('reads no more of %i wrong items than it must', (count, param, most) => {
    let reads = 0
    const items = Array.from({ length: count }, () => ({
      get name() {
        reads += 1
        return 1
      },
    }))
    expect(problem(people, { people: items }).param).toBe(param)
    // Once to check, once more to say what was found.
    expect(reads).toBeLessThanOrEqual(2 * most)
  })

  it('blames the option of a union that got furthest', () => {
    const input = z.looseObject({
      input: z.union([
        z.string(),
        z.array(z.string()),
        z.array(z.int()),
        z.array(z.array(z.int()).min(1)),
      ]),
    })
    const blame = (value: unknown): [string | null, string] => {
      const { param, message } = problem(input, { input: value })
      return [param, message]
    }
    expect(blame(true)).toEqual([
      'input',
      "Invalid 'input': expected a string or an array, but got a boolean.",
    ])
    expect(blame(['a', 'b', 3])[0]).toBe('input.2')
    expect(blame([1, 2, 'c'])).toEqual([
      'input.2',
      "Invalid 'input.2': expected a number, but got a string.",
    ])
    expect(blame([[1], [2, 'c']])[0]).toBe('input.1.1')
    expect(blame([[1], []])[0]).toBe('input.1')
  })
})
