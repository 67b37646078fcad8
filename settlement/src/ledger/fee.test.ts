import { describe, expect, it } from 'vitest'
import { DEFAULT_FEE_BPS, FeeError, parseFeeBps } from './fee.ts'

describe('the operator’s fee', () => {
  it('is the default, or what is set within its bounds', () => {
    expect(parseFeeBps(undefined)).toBe(DEFAULT_FEE_BPS)
    expect(parseFeeBps('')).toBe(DEFAULT_FEE_BPS)
    expect(parseFeeBps('50')).toBe(50)
    expect(parseFeeBps('200')).toBe(200)
  })

  it.each(['49', '201', '1e2', '100.5', '-100', ' 100', 'one', '0x64'])('refuses %o', (text) => {
    expect(() => parseFeeBps(text)).toThrow(FeeError)
  })
})
