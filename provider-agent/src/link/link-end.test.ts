import { CLOSE } from '@infernet/schemas/close-codes'
import { describe, expect, it } from 'vitest'
import { endOfClose, endOfError, endOfRefusal } from './link-end.ts'

describe('the end of a connection', () => {
  it.each([...Object.values(CLOSE), 1000, 1006, 4999])('has a next step for code %i', (code) => {
    const end = endOfClose(code, '')
    expect(end.reason).not.toBe('')
    expect(end.nextStep).not.toBe('')
    expect(end.isFatal).toBe(code === CLOSE.version || code === CLOSE.banned)
  })

  it.each([
    ['{"error":{"message":"no providers here"}}', 'no providers here'],
    ['plain words\nand more', 'plain words'],
  ])('shows what a refusal says: %s', (body, message) => {
    expect(endOfRefusal(403, body).reason).toBe(`the edge answered HTTP 403: ${message}`)
  })

  it('does not show a page', () => {
    expect(endOfRefusal(404, '<html>').reason).toBe('the edge answered HTTP 404')
  })

  it('knows what a refused connection means', () => {
    const error = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    expect(endOfError(error).nextStep).toContain('is the edge running?')
  })
})
