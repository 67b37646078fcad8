import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareLive, judgeLook, type BooksOfAccount } from './compare-live.ts'

const amount = fc.bigInt({ min: 1n, max: 10n ** 15n })

const booksOf = (changes: Partial<BooksOfAccount> = {}): BooksOfAccount => ({
  code: 'client:acct_a',
  balanceMsat: 100n,
  untoldMsat: 0n,
  aheadMsat: 0n,
  askedMsat: 0n,
  ...changes,
})

const still = (books: BooksOfAccount, liveMsat: bigint) => ({
  before: books,
  liveMsat,
  after: books,
})

describe('a live balance', () => {
  it('agrees with Postgres, told or not yet told, withdrawn or not yet withdrawn', () => {
    fc.assert(
      fc.property(amount, amount, amount, (balanceMsat, untoldMsat, asked) => {
        const books = booksOf({ balanceMsat, untoldMsat, askedMsat: -asked })
        for (const told of [0n, untoldMsat])
          for (const taken of [0n, -asked]) {
            const live = balanceMsat - untoldMsat + told + taken
            expect(judgeLook(still(books, live))).toBe('agrees')
          }
      }),
    )
  })

  it('is lower by a withdrawal that was taken and whose payout is not opened yet', () => {
    expect(judgeLook(still(booksOf({ aheadMsat: -30n }), 70n))).toBe('agrees')
    expect(judgeLook(still(booksOf({ aheadMsat: -30n }), 100n))).toBe('differs')
  })

  it('may agree with Postgres before or after', () => {
    const look = { before: booksOf(), after: booksOf({ balanceMsat: 90n }) }
    expect(judgeLook({ ...look, liveMsat: 100n })).toBe('agrees')
    expect(judgeLook({ ...look, liveMsat: 90n })).toBe('agrees')
    expect(judgeLook({ ...look, liveMsat: 80n })).toBe('moves')
  })

  it('drifts when it differs twice in a row while Postgres stands still', () => {
    fc.assert(
      fc.property(amount, fc.bigInt({ min: 1n, max: 99n }), (balanceMsat, off) => {
        const look = still(booksOf({ balanceMsat }), balanceMsat + off)
        expect(compareLive([look])).toBe('look_again')
        expect(compareLive([look, look])).toEqual({
          kind: 'live_balance',
          account: 'client:acct_a',
          reference: '',
          expectedMsat: balanceMsat,
          actualMsat: balanceMsat + off,
        })
        const moving = { ...look, after: booksOf({ balanceMsat: balanceMsat - 1n }) }
        expect(compareLive([look, moving, look])).toBe('look_again')
        expect(compareLive([look, still(booksOf({ balanceMsat }), balanceMsat)])).toBe('agrees')
      }),
    )
  })
})
