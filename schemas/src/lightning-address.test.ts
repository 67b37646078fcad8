import { describe, expect, it } from 'vitest'
import { MAX_LIGHTNING_ADDRESS_LENGTH, splitLightningAddress } from './lightning-address.ts'

const label = 'h'.repeat(63)
const longestHost = `${label}.${label}.${label}.${'h'.repeat(61)}`

describe('a Lightning address', () => {
  it('is a user and a host', () => {
    expect(splitLightningAddress('a+tag@example.com')).toEqual({
      user: 'a+tag',
      host: 'example.com',
    })
    const longest = `${'u'.repeat(64)}@${longestHost}`
    expect(longest).toHaveLength(MAX_LIGHTNING_ADDRESS_LENGTH)
    expect(splitLightningAddress(longest)?.host).toBe(longestHost)
  })

  it.each([
    'example.com',
    '@example.com',
    'a@localhost',
    'a@127.0.0.1',
    'a@-x.com',
    'a@x-.com',
    'a@x..com',
    'a@b@example.com',
    'A@example.com',
    'a@Example.com',
    ' a@example.com',
    'a@example.com\n',
    'a@example.com:8080',
    'a@example.com/path',
    `${'u'.repeat(65)}@example.com`,
    `a@h${longestHost}`,
  ])('is not %j', (text) => {
    expect(splitLightningAddress(text)).toBeUndefined()
  })
})
