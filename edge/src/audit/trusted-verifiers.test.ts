import { expect, it } from 'vitest'
import { newProviderKey } from '../testing/fake-provider.ts'
import { parseVerifiers, VerifierListError } from './trusted-verifiers.ts'

it('trusts the peers of a list, and says which of them is none', () => {
  const [a, b] = [newProviderKey().peer, newProviderKey().peer]
  expect([...parseVerifiers(` ${a},${b}\n`)]).toEqual([a, b])
  expect(parseVerifiers(undefined).size).toBe(0)
  expect(() => parseVerifiers(`${a}, me`)).toThrow(VerifierListError)
})
