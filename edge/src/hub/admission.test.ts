import { CLOSE } from '@infernet/schemas/close-codes'
import { parsePriceBounds } from '@infernet/settlement/price-bounds'
import { describe, expect, it } from 'vitest'
import { newProviderKey } from '../testing/fake-provider.ts'
import { capabilityOf } from '../testing/test-edge.ts'
import { refusalOf } from './admission.ts'

const { peer } = newProviderKey()
const verifier = capabilityOf({ role: 'verifier' })

describe('a verifier', () => {
  it('has to be one of the operator’s, or to be let in by the operator', () => {
    expect(refusalOf(peer, verifier, {})).toMatchObject({
      code: CLOSE.unauthorized,
      message: expect.stringContaining('INFERNET_VERIFIERS'),
    })
    expect(refusalOf(peer, verifier, { trustedVerifiers: new Set() })).toBeDefined()
    expect(refusalOf(peer, verifier, { openVerifiers: false })).toBeDefined()
    expect(refusalOf(peer, verifier, { trustedVerifiers: new Set([peer]) })).toBeUndefined()
    expect(refusalOf(peer, verifier, { openVerifiers: true })).toBeUndefined()
  })
})

describe('anybody', () => {
  it('must not ask more than the operator allows', () => {
    const prices = parsePriceBounds(undefined, 'prompt=1')
    for (const role of ['provider', 'verifier'] as const) {
      const refusal = refusalOf(peer, capabilityOf({ role }), { prices, openVerifiers: true })
      expect(refusal).toMatchObject({ code: CLOSE.price, fault: 'price' })
    }
    expect(refusalOf(peer, capabilityOf(), {})).toBeUndefined()
  })
})
