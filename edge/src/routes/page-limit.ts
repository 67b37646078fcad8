import type { EdgeContext } from '../services.ts'
import { queryInteger } from './query-integer.ts'

/** OpenAI's. */
const PAGE = { absent: 20, most: 100 }

/** The `limit` of a list's query, 1 to 100. Throws ApiError 400. */
export const pageLimit = (c: EdgeContext): number => queryInteger(c, 'limit', PAGE)
