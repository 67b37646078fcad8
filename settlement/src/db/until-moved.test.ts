import { describe, expect, it, vi } from 'vitest'
import { untilMoved } from './until-moved.ts'

describe('a row that others move as well', () => {
  it('is moved in the round in which nobody else was first', async () => {
    const round = vi.fn(async () => (round.mock.calls.length < 3 ? undefined : 'moved'))
    expect(await untilMoved(round)).toBe('moved')
    expect(round).toHaveBeenCalledTimes(3)
  })

  it('is given up, as an answer that never came, when somebody always was', async () => {
    const round = vi.fn(async () => undefined)
    await expect(untilMoved(round)).rejects.toMatchObject({ name: 'DbUnavailable' })
    expect(round).toHaveBeenCalledTimes(10)
  })

  it('is left alone by what throws', async () => {
    const round = vi.fn(() => Promise.reject(new RangeError('no')))
    await expect(untilMoved(round)).rejects.toThrow(RangeError)
    expect(round).toHaveBeenCalledOnce()
  })
})
