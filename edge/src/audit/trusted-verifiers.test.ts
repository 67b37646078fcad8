import { expect, it } from 'vitest'
import { newProviderKey } from '../testing/fake-provider.ts'
import { parseOpenVerifiers, parseVerifiers, VerifierListError } from './trusted-verifiers.ts'

it('trusts the peers of a list, and says which of them is none', () => {
  const [a, b] = [newProviderKey().peer, newProviderKey().peer]
  expect([...parseVerifiers(` ${a},${b}\n`)]).toEqual([a, b])
  expect(parseVerifiers(undefined).size).toBe(0)
  expect(() => parseVerifiers(`${a}, me`)).toThrow(VerifierListError)
})

it('lets others in only where the operator says so plainly', () => {
  expect(['yes', ' yes\n'].map((text) => parseOpenVerifiers(text))).toEqual([true, true])
  expect([undefined, '', 'no'].map((text) => parseOpenVerifiers(text))).toEqual([
    false,
    false,
    false,
  ])
  expect(() => parseOpenVerifiers('1')).toThrow(VerifierListError)
})
