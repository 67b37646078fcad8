import { apiErrors } from '@infernet/openai-compat/api-errors'
import {
  pageOf,
  type PageQuery,
  listedItemsSchema,
} from '@infernet/openai-compat/responses/stored-items'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import { identify } from '../auth/identify.ts'
import { findStored } from '../inference/kept-responses.ts'
import type { StoredResponse } from '../ports.ts'
import type { EdgeContext, EdgeEnv, EdgeServices } from '../services.ts'

/** OpenAI's. */
const DEFAULT_PAGE = 20
const MAX_PAGE = 100

/**
 * `/v1/responses/{id}`: the responses that were stored, for 30 days. GET fetches one, DELETE forgets
 * it, GET /input_items lists all that it was asked, the responses before it included.
 */
export function storedResponses(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.get('/:id', async (c) => {
    const { response } = await find(services, c, c.req.param('id'))
    if (c.req.query('stream') === 'true') {
      throw apiErrors.invalidRequest(
        'Only responses made in the background can be streamed again.',
        'stream',
        'unsupported_parameter',
      )
    }
    return answer(services, c, response)
  })
  app.delete('/:id', async (c) => {
    const { accountId, id } = await find(services, c, c.req.param('id'))
    await services.store.deleteResponse(accountId, id)
    return answer(services, c, { id, object: 'response', deleted: true })
  })
  app.get('/:id/input_items', async (c) => {
    const { inputItems } = await find(services, c, c.req.param('id'))
    const query = pageQuery(c)
    const page = pageOf(listedItemsSchema.parse(inputItems), query)
    if (page === undefined) {
      throw apiErrors.invalidRequest(
        `No item with the id '${query.after?.slice(0, 80)}' is in this list.`,
        'after',
        'invalid_value',
      )
    }
    return answer(services, c, { object: 'list', ...page })
  })
  app.post('/:id/cancel', async (c) => {
    await find(services, c, c.req.param('id'))
    throw apiErrors.invalidRequest(
      'Only responses made in the background can be cancelled. Close the connection to stop a stream.',
    )
  })
  return app
}

/** The response that the path names. Throws ApiError: 401 for a bad key, 404 for all but the account's own. */
async function find(services: EdgeServices, c: EdgeContext, id: string): Promise<StoredResponse> {
  const { accountId } = await identify(services, c)
  const stored = await findStored(services, accountId, id)
  if (stored === undefined) throw apiErrors.objectNotFound('response', id)
  return stored
}

function pageQuery(c: EdgeContext): PageQuery {
  const { limit: wanted = String(DEFAULT_PAGE), order = 'desc', after } = c.req.query()
  const limit = /^\d{1,3}$/.test(wanted) ? Number(wanted) : 0
  if (limit < 1 || limit > MAX_PAGE) {
    throw apiErrors.invalidRequest(
      `Invalid 'limit': expected an integer from 1 to ${MAX_PAGE}.`,
      'limit',
      'invalid_value',
    )
  }
  if (order !== 'asc' && order !== 'desc') {
    throw apiErrors.invalidRequest(
      "Invalid 'order': expected one of 'asc', 'desc'.",
      'order',
      'invalid_value',
    )
  }
  return { limit, order, after: after || undefined }
}
