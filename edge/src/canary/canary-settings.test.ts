import { newAccountId } from '@infernet/schemas/ids'
import { describe, expect, it } from 'vitest'
import { CanarySettingsError, parseCanaries } from './canary-settings.ts'

const account = newAccountId(0)

describe('the settings of canaries', () => {
  it('are an account, and a share that may be left out', () => {
    expect(parseCanaries(undefined, undefined)).toBeUndefined()
    expect(parseCanaries(' ', '0.5')).toBeUndefined()
    expect(parseCanaries(`${account}\n`, '')).toEqual({ account, share: 0.01 })
    expect(parseCanaries(account, '1')).toEqual({ account, share: 1 })
  })

  it.each([
    ['acct_1', ''],
    ['l402_ab', ''],
    [account, '2'],
    [account, '-0.1'],
    [account, '1 %'],
  ])('are not %s and %s', (id, share) => {
    expect(() => parseCanaries(id, share)).toThrow(CanarySettingsError)
  })
})
