import { describe, expect, it } from 'vitest'
import { destinationOf } from './destination.ts'

describe('destinationOf', () => {
  it.each(['lnbc10u1pabc', 'LNBC10U1PABC', 'lnbcrt1pabc', 'lntb500n1pabc', 'lnbc1pabc'])(
    'knows the invoice %s, also as a link',
    (invoice) => {
      expect(destinationOf(` ${invoice}\n`)).toEqual({ kind: 'invoice', invoice })
      expect(destinationOf(`lightning:${invoice}`)).toEqual({ kind: 'invoice', invoice })
      expect(destinationOf(`LIGHTNING:${invoice}`)).toEqual({ kind: 'invoice', invoice })
    },
  )

  it.each(['ada@example.org', 'lnurl1dp68gurn8ghj7', 'ada+tips@pay.example.org'])(
    'knows the address %s',
    (address) => {
      expect(destinationOf(`lightning:${address}`)).toEqual({
        kind: 'address',
        lightning_address: address,
      })
    },
  )

  it.each(['', 'ada', 'bc1qxyz', 'https://example.org', 'lnbc', 'ada @ example.org'])(
    'takes nothing else: %j',
    (text) => {
      expect(destinationOf(text)).toBeUndefined()
    },
  )
})
