import { describe, expect, it } from 'vitest'
import { ApiProblem, explain, problemOf } from './api-problem.ts'

const envelope = (status: number, code: string | null, message: string) =>
  Response.json({ error: { message, type: 'some', param: null, code } }, { status })
const explained = async (response: Response) => explain(await problemOf(response))

describe('explain', () => {
  it('says the API’s own message, in sat', async () => {
    expect(await explained(envelope(402, 'insufficient_credit', '5000 msat are missing.'))).toBe(
      '5 sat are missing.',
    )
  })

  it('says what to do about a key', async () => {
    expect(await explained(envelope(401, 'invalid_api_key', 'Incorrect.'))).toContain('sk-inf-')
  })

  it('says that nobody answers', () => {
    expect(explain(new ApiProblem(0, 'unreachable', 'x'))).toContain('does not answer')
  })

  it.each([
    ['a page of a proxy', new Response('<html>', { status: 502 })],
    ['nothing', new Response(null, { status: 502 })],
    ['another JSON', Response.json(['no'], { status: 502 })],
    ['an envelope of something else', Response.json({ error: 'no' }, { status: 502 })],
  ])('copes with %s', async (_, response) => {
    expect(await explained(response)).toContain('(502)')
  })

  it('does not show strangers’ exceptions', () => {
    expect(explain(new TypeError('x is undefined'))).not.toContain('undefined')
  })
})

describe('ApiProblem', () => {
  it.each([
    [0, false],
    [400, true],
    [404, true],
    [429, false],
    [500, false],
    [503, false],
  ])('of status %d is final: %s', (status, isFinal) => {
    expect(new ApiProblem(status, 'x', 'x').isFinal).toBe(isFinal)
  })
})
