import type { JobId } from '@infernet/schemas/ids'
import { MAX_REQUEST_BODY_BYTES } from '@infernet/schemas/limits'
import { knownError, refuse } from '../answers.ts'
import { readBody } from '../request-body.ts'
import type { EdgeContext, EdgeServices } from '../services.ts'
import type { ClientApi } from './client-api.ts'
import { answerOnce, idempotencyKey } from './idempotent-answer.ts'
import { paymentRequired, payerOf, unpaid } from './payment.ts'
import { runRequest, type RanRequest } from './run-request.ts'

/** The name under which Anthropic's SDKs look for the id. */
const ANTHROPIC_REQUEST_ID = 'request-id'

/**
 * A route that runs jobs: key → body → request → model → hold and job side by side → answer.
 * Postgres is not asked before the answer has left, except for a key that this process has not seen.
 */
export function inferenceRoute(
  services: EdgeServices,
  api: ClientApi,
): (c: EdgeContext) => Promise<Response> {
  const run = async (c: EdgeContext): Promise<Response> => {
    const payer = await payerOf(services, c)
    const body = await readBody(c.req.raw, MAX_REQUEST_BODY_BYTES)
    const { identity } = payer
    if (identity === undefined) {
      throw await paymentRequired(services, c, await api.parse(body, c, undefined), payer)
    }
    const once = idempotencyKey(c)
    const ran = async (signal: AbortSignal | undefined, job?: JobId): Promise<Response> => {
      const parsed = await api.parse(body, c, identity)
      try {
        return respond(c, await runRequest(services, c, identity, parsed, signal, job))
      } catch (error) {
        throw await unpaid(services, c, parsed, identity, error)
      }
    }
    if (once === undefined) return ran(c.req.raw.signal)
    // The client has said that it may come back for the answer, so that leaving does not end it.
    return answerOnce(services, c, identity, { key: once, body }, (job) => ran(undefined, job))
  }
  const { errorBody } = api
  if (errorBody === undefined) return run
  return async (c) => {
    try {
      return await run(c)
    } catch (error) {
      const apiError = knownError(services, c, error)
      const requestId = c.get('requestId')
      const headers = { [ANTHROPIC_REQUEST_ID]: requestId }
      return refuse(services, c, apiError, headers, errorBody(apiError, requestId))
    }
  }
}

function respond(c: EdgeContext, { order, parsed, answer }: RanRequest): Response {
  const { kind, body } = parsed.translate?.(answer, order) ?? answer
  const stream = kind === 'stream'
  return new Response(body as ReadableStream | Uint8Array<ArrayBuffer>, {
    headers: {
      'content-type': stream ? 'text/event-stream; charset=utf-8' : 'application/json',
      ...(stream ? { 'cache-control': 'no-cache', 'x-accel-buffering': 'no' } : {}),
      'x-request-id': order.requestId,
      [ANTHROPIC_REQUEST_ID]: order.requestId,
      'x-infernet-job': order.job,
      ...(answer.provider === undefined ? {} : { 'x-infernet-provider': answer.provider }),
      ...c.get('rateLimits'),
    },
  })
}
