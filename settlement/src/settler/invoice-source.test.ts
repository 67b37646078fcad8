import { describe, expect, it } from 'vitest'
import type { EdgeAnswer } from './ask-book.ts'
import { EdgeLinkError } from './edge-link-error.ts'
import { invoiceSource } from './invoice-source.ts'

const PEER = '12D3KooWGRUVh7ArqoXTgWR7YSxAzkKqp3zKLMjHFV3B6xwn4VSy'
const WANTED = { whom: PEER, payout: 'po_1', attempt: 1, amountMsat: 1_000n }

/** A source whose edge answers these in order, and then gives the invoice; time passes by sleeping. */
function sourceOf(...errors: readonly EdgeLinkError[]) {
  let now = 0
  let asked = 0
  const stop = new AbortController()
  const source = invoiceSource({
    edge: {
      ask: async (): Promise<EdgeAnswer> => {
        const error = errors[asked++]
        if (error !== undefined) throw error
        return { bolt11: 'lnbc1' }
      },
    },
    network: 'regtest',
    now: () => now,
    sleep: async (ms) => {
      now += ms
      if (now >= 20_000) stop.abort()
    },
    ports: {
      policy: { allowsAddress: () => false, allowsPort: () => false },
      resolve: async () => [],
      get: async () => ({ status: 500, body: '' }),
    },
  })
  return { ask: () => source(WANTED, stop.signal), asked: () => asked }
}
const away = () => new EdgeLinkError('away', 'gone')
const offline = () => new EdgeLinkError('refused', 'not connected', 'unavailable')
const many = (error: () => EdgeLinkError, times: number) => Array.from({ length: times }, error)

describe('an invoice of an agent', () => {
  it('is waited for while the edge restarts and the agent finds it again', async () => {
    const source = sourceOf(...many(away, 6), ...many(offline, 3))
    expect(await source.ask()).toBe('lnbc1')
    expect(source.asked()).toBe(10)
  })

  it('is not waited for long when the agent is switched off', async () => {
    const source = sourceOf(...many(offline, 100))
    await expect(source.ask()).rejects.toMatchObject({ reason: 'unavailable' })
    expect(source.asked()).toBe(11)
  })

  it('is waited for until it is wanted no more', async () => {
    const source = sourceOf(...many(away, 100))
    await expect(source.ask()).rejects.toMatchObject({ code: 'away' })
  })

  it('is refused at once by an agent that says no', async () => {
    const source = sourceOf(new EdgeLinkError('refused', 'no', 'refused'))
    await expect(source.ask()).rejects.toMatchObject({ reason: 'refused' })
    expect(source.asked()).toBe(1)
  })
})
