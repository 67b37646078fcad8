import { describe, expect, it } from 'vitest'
import { Books } from './books.ts'

describe('the books', () => {
  it('only move money that is there', () => {
    const books = new Books()
    books.open('a', 10n)
    books.open('b', 0n)
    books.move('a', 'b', 7n)
    expect([books.balance('a'), books.balance('b'), books.total()]).toEqual([3n, 7n, 10n])
    expect(() => books.move('a', 'b', 4n)).toThrow(RangeError)
    expect(() => books.move('a', 'b', -1n)).toThrow(RangeError)
    expect(() => books.move('a', 'nobody', 1n)).toThrow(RangeError)
    books.move('a', 'a', 1n)
    expect(() => books.open('a', 1n)).toThrow(RangeError)
    expect(books.total()).toBe(10n)
  })
})
