import { describe, expect, it } from 'vitest'
import { CallSlots } from './call-slots.ts'

const never = new AbortController().signal

describe('call slots', () => {
  it('let so many calls run at a time, in order, and go on after a failure', async () => {
    const slots = new CallSlots(2)
    const begun: number[] = []
    const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
    const runs = ends.map(({ promise }, i) =>
      slots.run(async () => {
        begun.push(i)
        await promise
      }, never),
    )
    await Promise.resolve()
    expect(begun).toEqual([0, 1])
    ends[1]!.reject(new Error('failed'))
    await expect(runs[1]).rejects.toThrow('failed')
    expect(begun).toEqual([0, 1, 2])
    for (const { resolve } of ends) resolve()
    await Promise.all([runs[0], runs[2], runs[3]])
    expect(begun).toEqual([0, 1, 2, 3])
  })

  it('begin nothing for who has stopped by then', async () => {
    const slots = new CallSlots(1)
    const first = Promise.withResolvers<void>()
    const stop = new AbortController()
    const running = slots.run(() => first.promise, never)
    const waiting = slots.run(async () => 'begun', stop.signal)
    stop.abort(new Error('stopped'))
    first.resolve()
    await running
    await expect(waiting).rejects.toThrow('stopped')
    await expect(slots.run(async () => 'begun', never)).resolves.toBe('begun')
  })
})
