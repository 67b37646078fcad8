import { bech32 } from '@scure/base'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LnurlError } from './lnurl-error.ts'
import { payUrl } from './pay-url.ts'

const lnurl = (url: string) =>
  bech32.encode('lnurl', bech32.toWords(new TextEncoder().encode(url)), false)

describe('payUrl', () => {
  it.each([
    ['satoshi@infernet.example', 'https://infernet.example/.well-known/lnurlp/satoshi'],
    [' Satoshi@Infernet.Example ', 'https://infernet.example/.well-known/lnurlp/satoshi'],
    ['a.b_c-d+tag@pay.example.org', 'https://pay.example.org/.well-known/lnurlp/a.b_c-d%2Btag'],
    [lnurl('https://service.com/api?q=3fc3645b'), 'https://service.com/api?q=3fc3645b'],
    [lnurl('https://service.com/api').toUpperCase(), 'https://service.com/api'],
  ])('of %s', (destination, url) => expect(payUrl(destination).href).toBe(url))

  it.each([
    '',
    'satoshi',
    '@example.com',
    'a@localhost',
    'a@127.0.0.1',
    'a@[::1]',
    'a@example.com:8080',
    'a@example.com/path',
    'a b@example.com',
    'a@b@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'a.'.repeat(130)}com`,
    'lnurl1qqqq',
    lnurl('not a url'),
    bech32.encode('other', [1, 2, 3]),
  ])('refuses %s', (destination) =>
    expect(() => payUrl(destination)).toThrow(expect.objectContaining({ code: 'address' })),
  )

  it('throws LnurlError or nothing, whatever it is given', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.emailAddress()), (text) => {
        try {
          return payUrl(text).protocol !== ''
        } catch (error) {
          return error instanceof LnurlError
        }
      }),
    )
  })
})
