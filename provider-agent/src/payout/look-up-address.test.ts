import { describe, expect, it } from 'vitest'
import { PUBLIC_INTERNET, type GuardedFetchPorts } from '@infernet/settlement/lnurl/guarded-fetch'
import { addressFault } from './look-up-address.ts'

const TERMS = {
  tag: 'payRequest',
  callback: 'https://wallet.example/pay',
  minSendable: 1000,
  maxSendable: 1_000_000,
  metadata: '[]',
}
const NEVER = new AbortController().signal

/** The outside: one address for every name, and one answer. */
const outside = (address: string, body: unknown, asked: string[] = []): GuardedFetchPorts => ({
  policy: PUBLIC_INTERNET,
  resolve: async () => [address],
  get: async (url) => {
    asked.push(url.href)
    return { status: 200, body: JSON.stringify(body) }
  },
})

describe('addressFault', () => {
  it('finds none with an address that says what it takes', async () => {
    const asked: string[] = []
    const ports = outside('9.9.9.9', TERMS, asked)
    expect(await addressFault('me@wallet.example', NEVER, ports)).toBeUndefined()
    expect(asked).toEqual(['https://wallet.example/.well-known/lnurlp/me'])
  })

  it('says in its words what is wrong, and asks nobody on this network', async () => {
    const refusal = { status: 'ERROR', reason: 'no such user' }
    const refused = await addressFault('me@wallet.example', NEVER, outside('9.9.9.9', refusal))
    expect(refused).toBe('me@wallet.example: no such user')
    const asked: string[] = []
    const inside = await addressFault('me@wallet.example', NEVER, outside('10.0.0.1', TERMS, asked))
    expect(inside).toContain('not on the public internet')
    expect(asked).toEqual([])
  })
})
