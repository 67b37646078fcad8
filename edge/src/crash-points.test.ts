import { CRASH_STEPS } from '@infernet/settlement/settler/crash-at'
import { describe, expect, it } from 'vitest'
import { crashable, EDGE_STEPS, OUTBOX_EMPTIED, type EdgeStep } from './crash-points.ts'

/** A port as the hosts have them: a class that keeps its own. */
class Purse {
  readonly #log: string[]

  constructor(log: string[]) {
    this.#log = log
  }

  async take(amount: number): Promise<number> {
    this.#log.push('asked')
    await Promise.resolve()
    if (amount < 0) throw new Error('below zero')
    this.#log.push('answered')
    return amount
  }

  look(): string {
    return this.#log.join()
  }
}

describe('the points where a test kills', () => {
  it('are before, during and after what is asked of a port, in that order', async () => {
    const log: string[] = []
    const at = async (step: EdgeStep) => {
      await Promise.resolve()
      log.push(step)
    }
    const purse = crashable(new Purse(log), { take: 'hold' }, at)
    expect(await purse.take(7)).toBe(7)
    expect(log[0]).toBe('hold:before')
    expect(log.indexOf('hold:during')).toBeGreaterThan(log.indexOf('asked'))
    expect(log.slice(-1)).toEqual(['hold:after'])
    expect(purse.look()).toContain('asked')
  })

  it('come before the operation, or while nobody has heard of its end', async () => {
    for (const step of ['hold:before', 'hold:during', 'hold:after'] as const) {
      const log: string[] = []
      const killed = new Error('killed')
      const at = (reached: EdgeStep) => {
        if (reached === step) throw killed
      }
      const purse = crashable(new Purse(log), { take: 'hold' }, at)
      await expect(purse.take(7)).rejects.toBe(killed)
      expect(log.includes('asked')).toBe(step !== 'hold:before')
    }
  })

  it('leave what goes wrong as it is, and are not passed after it', async () => {
    const steps: string[] = []
    const purse = crashable(new Purse([]), { take: 'hold' }, (step) => void steps.push(step))
    await expect(purse.take(-1)).rejects.toThrow('below zero')
    expect(steps).toEqual(['hold:before', 'hold:during'])
  })

  it('cost nothing where nobody asks for them', () => {
    const purse = new Purse([])
    expect(crashable(purse, { take: 'hold' }, undefined)).toBe(purse)
  })

  it('are named once, also across the settler', () => {
    const all = [...EDGE_STEPS, ...CRASH_STEPS]
    expect(new Set(all).size).toBe(all.length)
    expect(EDGE_STEPS).toContain(OUTBOX_EMPTIED)
  })
})
