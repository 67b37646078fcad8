import { apiErrors } from '@infernet/openai-compat/api-errors'
import { parseJsonBody } from '@infernet/openai-compat/json-body'
import type { z } from 'zod'
import { readBody } from '../request-body.ts'
import type { EdgeContext } from '../services.ts'

const MAX_BODY_BYTES = 16 * 1024

/** A small JSON body under this schema. Throws ApiError 400, 413, 415. */
export async function readJson<T>(c: EdgeContext, schema: z.ZodType<T>): Promise<T> {
  const value = parseJsonBody(await readBody(c.req.raw, MAX_BODY_BYTES))
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw apiErrors.invalidRequest(issue?.message ?? 'Invalid body.', issue?.path.join('.'))
}
