import { expect } from 'vitest'

export interface ErrorAnswer {
  readonly status: number
  readonly type: string
  readonly code: string | null
  readonly param: string | null
  readonly message: string
}

/** Reads an error answer and checks what all of them share: the envelope's four keys and the id. */
export async function errorOf(response: Response): Promise<ErrorAnswer> {
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/)
  const body = (await response.json()) as { error: Omit<ErrorAnswer, 'status'> }
  expect(Object.keys(body)).toEqual(['error'])
  expect(Object.keys(body.error).toSorted()).toEqual(['code', 'message', 'param', 'type'])
  expect(body.error.message).not.toBe('')
  return { status: response.status, ...body.error }
}
