import { newAccountId } from '@infernet/schemas/ids'
import { describe, expect, it } from 'vitest'
import { CanarySettingsError, parseCanaries } from './canary-settings.ts'

const account = newAccountId(0)

describe('the settings of canaries', () => {
  it('are an account, and a share that may be left out', () => {
    expect(parseCanaries(undefined, undefined)).toBeUndefined()
    expect(parseCanaries(' ', '0.5')).toBeUndefined()
    const preset = { share: 0.01, challenges: 0.1 }
    expect(parseCanaries(`${account}\n`, '')).toEqual({ account, ...preset })
    expect(parseCanaries(account, '1')).toEqual({ account, ...preset, share: 1 })
    expect(parseCanaries(account, '', ' 0')).toEqual({ account, ...preset, challenges: 0 })
  })

  it.each([
    ['acct_1', ''],
    ['l402_ab', ''],
    [account, '2'],
    [account, '-0.1'],
    [account, '1 %'],
  ])('are not %s and %s', (id, share) => {
    expect(() => parseCanaries(id, share)).toThrow(CanarySettingsError)
    if (id === account) expect(() => parseCanaries(id, '', share)).toThrow(CanarySettingsError)
  })
})
