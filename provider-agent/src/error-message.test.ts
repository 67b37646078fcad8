import { expect, it } from 'vitest'
import { errorMessageIn } from './error-message.ts'

it.each([
  ['{"error":{"message":"no providers here","code":null}}', 'no providers here'],
  ['{"error":{"message":""}}', ''],
  ['{"error":{"message":1}}', undefined],
  ['{"error":"no"}', undefined],
  ['{"message":"no"}', undefined],
  ['null', undefined],
  ['<html>', undefined],
  ['', undefined],
])('the message in %j is %j', (text, message) => {
  expect(errorMessageIn(text)).toBe(message)
})
