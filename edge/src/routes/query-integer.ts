import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { EdgeContext } from '../services.ts'

/** A whole number from 1 to `most` of the query; `absent` where it is not given. Throws ApiError 400. */
export function queryInteger(
  c: EdgeContext,
  name: string,
  { absent, most }: { readonly absent: number; readonly most: number },
): number {
  const wanted = c.req.query(name) ?? String(absent)
  const isShort = /^\d+$/.test(wanted) && wanted.length <= String(most).length
  const value = isShort ? Number(wanted) : 0
  if (value >= 1 && value <= most) return value
  throw apiErrors.invalidRequest(
    `Invalid '${name}': expected an integer from 1 to ${most}.`,
    name,
    'invalid_value',
  )
}
