import { apiErrors } from '@infernet/openai-compat/api-errors'
import { newJobId, type JobId } from '@infernet/schemas/ids'
import { MAX_ONCE_BODY_BYTES } from '../account/once-log.ts'
import type { Identity } from '../auth/identity.ts'
import { concatenate } from '../hub/job-body.ts'
import { BUSY_RETRY_AFTER_MS, JOB_DEADLINE_MS } from '../limits.ts'
import type { StoredAnswer } from '../ports.ts'
import type { EdgeContext, EdgeServices } from '../services.ts'
import { outlast } from './outlast.ts'

/** Printable ASCII, as header values are; longer keys are nobody's UUID. */
const KEY = /^[\x21-\x7e]{1,255}$/
/** Headers of the first answer that its repetitions have too. */
const KEPT_HEADERS = ['x-request-id', 'x-infernet-job', 'x-infernet-provider'] as const

/** The request's `Idempotency-Key`. Throws ApiError 400 for one that cannot be kept. */
export function idempotencyKey(c: EdgeContext): string | undefined {
  const key = c.req.header('idempotency-key')
  if (key === undefined || KEY.test(key)) return key
  throw apiErrors.invalidRequest(
    "Invalid 'Idempotency-Key': expected 1 to 255 printable characters without spaces.",
  )
}

/**
 * Runs a request at most once per key: the first one runs, its repetitions get its answer, also
 * while it is under way; another request under the same key is refused with 409. A request that
 * failed before anything was delivered is forgotten, so that a repetition tries anew. `run` names its
 * holds by `once`, by which the account knows what was charged when this process dies.
 */
export async function answerOnce(
  services: EdgeServices,
  c: EdgeContext,
  identity: Identity,
  request: { readonly key: string; readonly body: Uint8Array },
  run: (once: JobId) => Promise<Response>,
): Promise<Response> {
  const { accounts } = services
  const { accountId, apiKeyId } = identity
  const { key } = request
  const fingerprint = await fingerprintOf(c, request.body)
  const deadline = services.now() + JOB_DEADLINE_MS
  const job = newJobId(services.now())
  for (;;) {
    const now = services.now()
    const once = await accounts.beginOnce({ accountId, apiKeyId, key, fingerprint, job, now })
    if (once.state === 'conflict') throw apiErrors.idempotencyConflict()
    if (once.state === 'done') return repeated(c, once.answer)
    if (once.state === 'new') break
    const waited = now < deadline && (await accounts.awaitOnce(accountId, key, deadline))
    if (!waited) throw apiErrors.overloaded(BUSY_RETRY_AFTER_MS)
  }
  const finish = async (answer: StoredAnswer | undefined): Promise<void> => {
    try {
      await accounts.finishOnce({ accountId, key, job, answer })
    } catch (error) {
      // The request then counts as running until it is too old to be.
      services.events.storeFailed('finishOnce', error)
    }
  }
  let response: Response
  try {
    response = await run(job)
  } catch (error) {
    await finish(undefined)
    throw error
  }
  return recorded(c, response, finish)
}

/** SHA-256, hex, over what makes two requests the same: method, path and body. */
async function fingerprintOf(c: EdgeContext, body: Uint8Array): Promise<string> {
  const head = new TextEncoder().encode(`${c.req.method} ${c.req.path}\n`)
  const digest = await crypto.subtle.digest('SHA-256', concatenate([head, body]))
  return Buffer.from(digest).toString('hex')
}

/** The response for the client, while a copy of it is kept; its client may leave before the end. */
function recorded(
  c: EdgeContext,
  response: Response,
  finish: (answer: StoredAnswer | undefined) => Promise<void>,
): Response {
  const [forClient, forRecord] = (response.body as ReadableStream<Uint8Array>).tee()
  outlast(
    c,
    keep(response, forRecord).then(finish, () => finish(undefined)),
  )
  return new Response(forClient, { status: response.status, headers: response.headers })
}

async function keep(response: Response, body: ReadableStream<Uint8Array>): Promise<StoredAnswer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    // What is beyond the limit is not kept; that it is beyond must be seen.
    if (size <= MAX_ONCE_BODY_BYTES) chunks.push(chunk)
    size += chunk.length
  }
  const headers: Record<string, string> = {}
  for (const name of KEPT_HEADERS) {
    const value = response.headers.get(name)
    if (value !== null) headers[name] = value
  }
  const contentType = response.headers.get('content-type') ?? 'application/json'
  return { status: response.status, contentType, headers, body: concatenate(chunks) }
}

function repeated(c: EdgeContext, answer: StoredAnswer): Response {
  return new Response(answer.body as Uint8Array<ArrayBuffer>, {
    status: answer.status,
    headers: {
      'content-type': answer.contentType,
      'x-request-id': c.get('requestId'),
      ...answer.headers,
      'idempotency-replayed': 'true',
    },
  })
}
