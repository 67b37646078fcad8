import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { EdgeContext } from '../services.ts'

/** OpenAI's. */
const DEFAULT_PAGE = 20
const MAX_PAGE = 100

/** The `limit` of a list's query, 1 to 100. Throws ApiError 400. */
export function pageLimit(c: EdgeContext): number {
  const wanted = c.req.query('limit') ?? String(DEFAULT_PAGE)
  const limit = /^\d{1,3}$/.test(wanted) ? Number(wanted) : 0
  if (limit >= 1 && limit <= MAX_PAGE) return limit
  throw apiErrors.invalidRequest(
    `Invalid 'limit': expected an integer from 1 to ${MAX_PAGE}.`,
    'limit',
    'invalid_value',
  )
}
