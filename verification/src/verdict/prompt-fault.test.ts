import { hashOfIds } from '@infernet/schemas/transcript'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { promptFault } from './prompt-fault.ts'

const claimOf = (ids: readonly number[]) => ({
  prompt_ids: ids.length,
  prompt_sha256: hashOfIds(ids),
})
const ids = fc.array(fc.nat({ max: 200_000 }), { minLength: 2, maxLength: 40 })

describe('a claimed prompt', () => {
  it('is the one that was rendered, with the first token or without', () => {
    fc.assert(
      fc.property(ids, (rendered) => {
        expect(promptFault(claimOf(rendered), rendered)).toBeUndefined()
        expect(promptFault(claimOf(rendered.slice(1)), rendered)).toBeUndefined()
      }),
    )
  })

  it('is no other', () => {
    fc.assert(
      fc.property(ids, ids, (rendered, other) => {
        const isSame = [rendered, rendered.slice(1)].some((one) => `${one}` === `${other}`)
        expect(promptFault(claimOf(other), rendered) === undefined).toBe(isSame)
      }),
    )
    const rendered = [3, 1, 4, 1, 5]
    for (const other of [
      [3, 1, 4, 1],
      [3, 1, 4, 1, 6],
      [1, 3, 1, 4, 1, 5],
      [4, 1, 5],
    ])
      expect(promptFault(claimOf(other), rendered)).toContain('5')
  })
})
