import type { EdgeContext } from '../services.ts'

/** The request's API key as an `Authorization` value: OpenAI's header, or Anthropic's `x-api-key`. */
export function credentialsOf(c: EdgeContext): string | undefined {
  const authorization = c.req.header('authorization')
  if (authorization !== undefined) return authorization
  const key = c.req.header('x-api-key')
  return key === undefined ? undefined : `Bearer ${key}`
}
