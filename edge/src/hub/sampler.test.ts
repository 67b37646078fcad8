import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Sampler } from './sampler.ts'

const anyDraw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

function drawAll(size: number, random: () => number): number[] {
  const sampler = new Sampler(size, random)
  return Array.from({ length: size }, () => sampler.next())
}

describe('a sampler', () => {
  it('draws every position once, and then none', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.infiniteStream(anyDraw), (size, stream) => {
        const sampler = new Sampler(size, () => stream.next().value)
        const drawn = Array.from({ length: size }, () => sampler.next())
        expect(drawn.toSorted((a, b) => a - b)).toEqual([...Array(size).keys()])
        expect(sampler.next()).toBe(-1)
      }),
    )
  })

  it('draws what a shuffle of the whole list would', () => {
    fc.assert(
      fc.property(fc.array(anyDraw, { maxLength: 30 }), (numbers) => {
        const list = [...numbers.keys()]
        const shuffled = numbers.map((number, i) => {
          const left = list.length - i
          const at = Math.floor(number * left)
          const drawn = list[at]
          list[at] = list[left - 1] ?? 0
          return drawn
        })
        const left = [...numbers]
        expect(drawAll(numbers.length, () => left.shift() ?? 0)).toEqual(shuffled)
      }),
    )
  })

  it('finds all orders of three equally likely', () => {
    const counts = new Map<string, number>()
    for (let a = 0; a < 12; a++) {
      for (let b = 0; b < 12; b++) {
        const left = [(a + 0.5) / 12, (b + 0.5) / 12]
        const order = drawAll(3, () => left.shift() ?? 0).join('')
        counts.set(order, (counts.get(order) ?? 0) + 1)
      }
    }
    expect([...counts.values()]).toEqual(Array(6).fill(24))
  })

  it('asks for one number per draw, however many there are', () => {
    let asked = 0
    const sampler = new Sampler(1_000_000, () => {
      asked++
      return 0.5
    })
    expect(sampler.next()).not.toBe(sampler.next())
    expect(asked).toBe(2)
  })
})
