import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JobOrder } from '../ports.ts'
import { MAX_PREFIXES, PrefixAffinity } from './prefix-affinity.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/** As much of an order as the affinity looks at. */
const order = (body: string | Uint8Array, fields: Partial<JobOrder> = {}): JobOrder => {
  const bytes = typeof body === 'string' ? bytesOf(body) : body
  return { model: 'm', accountId: 'acct_a', body: bytes, ...fields } as JobOrder
}

/** A request of about so many bytes whose text is all its own. */
const prompt = (seed: string, bytes: number): string => {
  let text = ''
  for (let i = 0; text.length < bytes; i++) text += `${seed} ${i} `
  return text.slice(0, bytes)
}

/** Turns of a conversation as a client sends them: all that was said before, then what is new. */
function conversation(seed: string, turns: readonly number[]): string[] {
  const messages: object[] = []
  return turns.map((bytes, turn) => {
    messages.push({ role: 'user', content: prompt(`${seed}${turn}`, bytes) })
    const body = JSON.stringify({ model: 'm', messages, stream: true })
    messages.push({ role: 'assistant', content: prompt(`answer to ${seed}${turn}`, bytes) })
    return body
  })
}

const nth = (i: number): JobOrder => order(prompt(`request ${i}`, 600))

describe('prefix affinity', () => {
  it('brings a growing conversation back to its provider', () => {
    const anyTurns = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(anyTurns, (turns) => {
        const affinity = new PrefixAffinity()
        for (const [turn, body] of conversation('hello', [1200, ...turns]).entries()) {
          if (turn > 0) expect(affinity.find(order(body))).toBe('peer')
          affinity.served(order(body), 'peer')
        }
      }),
    )
  })

  it('tells conversations apart that begin alike, by the longest beginning that it knows', () => {
    const affinity = new PrefixAffinity()
    const system = prompt('system', 3000)
    affinity.served(order(system + prompt('one', 9000)), 'first')
    affinity.served(order(system + prompt('two', 9000)), 'second')
    expect(affinity.find(order(system + prompt('one', 12_000)))).toBe('first')
    expect(affinity.find(order(system + prompt('two', 12_000)))).toBe('second')
    expect(affinity.find(order(system + prompt('three', 12_000)))).toBe('second')
  })

  it('knows nothing of a beginning that it has not seen', () => {
    const affinity = new PrefixAffinity()
    expect(affinity.find(order(prompt('new', 5000)))).toBeUndefined()
    affinity.served(order(prompt('old', 5000)), 'peer')
    expect(affinity.find(order(prompt('new', 5000)))).toBeUndefined()
  })

  it('keeps models and accounts apart', () => {
    const affinity = new PrefixAffinity()
    const body = prompt('same', 2000)
    affinity.served(order(body), 'peer')
    expect(affinity.find(order(body))).toBe('peer')
    expect(affinity.find(order(body, { model: 'n' }))).toBeUndefined()
    const stranger = { accountId: 'acct_b' as JobOrder['accountId'] }
    expect(affinity.find(order(body, stranger))).toBeUndefined()
  })

  it('ignores requests too short for a cache to matter', () => {
    const affinity = new PrefixAffinity()
    affinity.served(order(prompt('short', 511)), 'peer')
    expect(affinity.find(order(prompt('short', 511)))).toBeUndefined()
    expect(affinity.find(order(new Uint8Array()))).toBeUndefined()
  })

  it('goes by the last one who served', () => {
    const affinity = new PrefixAffinity()
    const body = order(prompt('moving', 2000))
    affinity.served(body, 'first')
    affinity.served(body, 'second')
    expect(affinity.find(body)).toBe('second')
  })

  it('forgets what was in a cache that is lost, and remembers what comes after', () => {
    const affinity = new PrefixAffinity()
    const system = prompt('system', 3000)
    const [one, two] = [order(system + prompt('one', 9000)), order(system + prompt('two', 9000))]
    affinity.served(two, 'second')
    affinity.cachedSince('first', 5)
    affinity.served(one, 'first')
    affinity.cachedSince('first', 5)
    expect(affinity.find(one)).toBe('first')
    affinity.cachedSince('first', 9)
    expect(affinity.find(one)).toBeUndefined()
    affinity.served(two, 'second')
    expect(affinity.find(one)).toBe('second')
    affinity.served(one, 'first')
    expect(affinity.find(one)).toBe('first')
  })

  it('takes the first word of a cache for no loss', () => {
    const affinity = new PrefixAffinity()
    const body = order(prompt('told late', 2000))
    affinity.served(body, 'peer')
    affinity.cachedSince('peer', 5)
    expect(affinity.find(body)).toBe('peer')
  })

  it('reads a request that is a view into a larger buffer', () => {
    const affinity = new PrefixAffinity()
    const body = bytesOf(prompt('view', 2000))
    affinity.served(order(body), 'peer')
    const message = new Uint8Array(body.length + 7)
    message.set(body, 7)
    expect(affinity.find(order(message.subarray(7)))).toBe('peer')
  })

  it('forgets the oldest beginnings and never holds more than its limit', () => {
    const affinity = new PrefixAffinity()
    for (let i = 0; i <= MAX_PREFIXES; i++) affinity.served(nth(i), 'peer')
    expect(affinity.size).toBeLessThanOrEqual(MAX_PREFIXES)
    expect(affinity.size).toBeGreaterThan(MAX_PREFIXES / 2)
    expect(affinity.find(nth(0))).toBeUndefined()
    expect(affinity.find(nth(MAX_PREFIXES))).toBe('peer')
  })
})
