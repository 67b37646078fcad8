import { describe, expect, it } from 'vitest'
import { reconcileChannels } from './reconcile-channels.ts'

/** Looks whose books before and after, and channels between, are these, msat. */
async function looks(...seen: readonly (readonly [before: bigint, has: bigint, after: bigint])[]) {
  const books = seen.flatMap(([before, , after]) => [before, after])
  const channels = seen.map(([, has]) => has)
  let pauses = 0
  const next = (of: bigint[]): bigint => {
    const value = of.shift()
    if (value === undefined) throw new Error('One look too many')
    return value
  }
  const finding = await reconcileChannels(
    async () => next(books),
    {
      balance: async () => ({
        localMsat: next(channels),
        unsettledLocalMsat: 1n,
      }),
    },
    {
      openingMsat: 100n,
      toleranceMsat: 10n,
      sleep: async () => void pauses++,
      signal: new AbortController().signal,
    },
  )
  return { finding, pauses }
}

describe('the channels', () => {
  it('agree at the first look', async () => {
    expect(await looks([5n, 104n, 5n])).toEqual({ finding: undefined, pauses: 0 })
  })

  it('are no drift while money moves: the books before or after them agree', async () => {
    expect(await looks([500n, 104n, 5n])).toEqual({ finding: undefined, pauses: 0 })
    expect(await looks([5n, 104n, 500n])).toEqual({ finding: undefined, pauses: 0 })
  })

  it('are no drift when the next look agrees', async () => {
    expect(await looks([5n, 300n, 5n], [200n, 300n, 200n])).toEqual({
      finding: undefined,
      pauses: 1,
    })
  })

  it('drift when two looks differ', async () => {
    expect(await looks([5n, 300n, 5n], [5n, 300n, 5n])).toMatchObject({
      finding: { kind: 'channel_balance', expectedMsat: 105n, actualMsat: 301n },
      pauses: 1,
    })
  })
})
