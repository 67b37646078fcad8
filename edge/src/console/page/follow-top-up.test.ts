import { describe, expect, it } from 'vitest'
import { ApiProblem } from './api-problem.ts'
import type { TopUp } from './api-types.ts'
import { followTopUp } from './follow-top-up.ts'

const topUp = (status: TopUp['status'], credited = false) => ({ status, credited }) as TopUp
const away = () => new ApiProblem(503, 'away', 'away')

type Step = TopUp | Error

/** Streams and looks that do what their script says, in turn. */
function rimOf(streams: readonly (readonly Step[])[], looks: readonly Step[] = []) {
  const left = { streams: [...streams], looks: [...looks] }
  const abort = new AbortController()
  let sleeps = 0
  return {
    abort,
    left,
    sleeps: () => sleeps,
    signal: abort.signal,
    async *topUpEvents() {
      for (const step of left.streams.shift() ?? []) {
        if (step instanceof Error) throw step
        yield step
      }
    },
    async topUp() {
      const step = left.looks.shift()
      if (step === undefined) throw new Error('nobody should look')
      if (step instanceof Error) throw step
      return step
    },
    async sleep() {
      sleeps++
    },
  }
}
async function statesOf(rim: ReturnType<typeof rimOf>): Promise<string[]> {
  const states: string[] = []
  await followTopUp(rim, 'top_1', ({ status, credited }) => states.push(`${status} ${credited}`))
  return states
}

describe('followTopUp', () => {
  it('hears by events, and never asks', async () => {
    const rim = rimOf([[topUp('open'), topUp('settled'), topUp('settled', true)]])
    expect(await statesOf(rim)).toEqual(['open false', 'settled false', 'settled true'])
    expect(rim.sleeps()).toBe(0)
  })

  it.each([
    ['fail at once', [away()]],
    ['fail in between', [topUp('open'), away()]],
    ['end early', [topUp('open')]],
    ['are not readable', [new SyntaxError('no JSON')]],
  ])('asks where the events %s', async (_, events) => {
    const rim = rimOf([events, []], [topUp('settled'), topUp('settled', true)])
    expect((await statesOf(rim)).at(-1)).toBe('settled true')
    expect(rim.sleeps()).toBe(2)
  })

  it('goes on when the answer fails too, and hears again by events', async () => {
    const looks = [away(), away(), topUp('open'), away(), topUp('open')]
    const rim = rimOf([[away()], [topUp('open')], [topUp('expired')]], [...looks, away()])
    const open = Array.from({ length: 3 }, () => 'open false')
    expect(await statesOf(rim)).toEqual([...open, 'expired false'])
    expect(rim.left).toEqual({ streams: [], looks: [] })
  })

  it('says when there is nothing to follow', async () => {
    const gone = new ApiProblem(404, 'topup_not_found', 'gone')
    await expect(statesOf(rimOf([[gone]]))).rejects.toBe(gone)
    await expect(statesOf(rimOf([[]], [gone]))).rejects.toBe(gone)
  })

  it('says nothing more to who has left', async () => {
    const rim = rimOf([[topUp('open'), topUp('settled')]])
    const heard: string[] = []
    await followTopUp(rim, 'top_1', ({ status }) => {
      heard.push(status)
      rim.abort.abort()
    })
    expect(heard).toEqual(['open'])
  })
})
