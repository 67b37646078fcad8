import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { parseChatRequest, type ChatRequest } from '@infernet/openai-compat/chat-request'
import { refuseRemoteMedia } from '@infernet/openai-compat/engine-request'
import { maxPromptTokens } from '@infernet/openai-compat/usage'
import { newJobId } from '@infernet/schemas/ids'
import { MAX_OUTPUT_TOKENS, MAX_REQUEST_BODY_BYTES } from '@infernet/schemas/limits'
import { costMsat } from '@infernet/settlement/price'
import { refuse } from '../answers.ts'
import type { Identity } from '../auth/key-ring.ts'
import { plainRules } from '../hub/match-rules.ts'
import { clientClosed } from '../hub/job-errors.ts'
import {
  BUSY_RETRY_AFTER_MS,
  HOLD_GRACE_MS,
  JOB_DEADLINE_MS,
  MAX_OPEN_HOLDS,
  NO_PROVIDER_RETRY_AFTER_MS,
} from '../limits.ts'
import type { HoldResult, JobAnswer, JobOrder, ServedModel } from '../ports.ts'
import { readBody } from '../request-body.ts'
import type { EdgeContext, EdgeServices } from '../services.ts'

/**
 * POST /v1/chat/completions: key → body → model → hold and job side by side → answer. Postgres is
 * not asked before the answer has left, except for a key that this process has not seen.
 */
export function chatCompletions(services: EdgeServices): (c: EdgeContext) => Promise<Response> {
  return async (c) => {
    const identity = await services.keys.identify(c.req.header('authorization'))
    const body = await readBody(c.req.raw, MAX_REQUEST_BODY_BYTES)
    const request = parseChatRequest(body)
    refuseRemoteMedia(request.body.messages)
    const model = await findModel(services, request.model)
    const order = orderOf(services, c, { identity, body, request, model })
    const answer = await runJob(services, c, order)
    return respond(services, c, order, answer)
  }
}

async function findModel(services: EdgeServices, wanted: string): Promise<ServedModel> {
  const { models, offline } = await services.hub.directory()
  const served = models.find((model) => model.id === wanted)
  if (served !== undefined) return served
  if (offline.includes(wanted)) throw apiErrors.noProvider(wanted, NO_PROVIDER_RETRY_AFTER_MS)
  throw apiErrors.modelNotFound(
    wanted,
    models.map((model) => model.id),
  )
}

function orderOf(
  services: EdgeServices,
  c: EdgeContext,
  input: { identity: Identity; body: Uint8Array; request: ChatRequest; model: ServedModel },
): JobOrder {
  const { identity, body, request, model } = input
  const messages = request.body.messages.length
  const maxOutputTokens = Math.min(
    request.maxOutputTokens ?? model.contextLength,
    model.contextLength,
    MAX_OUTPUT_TOKENS,
  )
  const promptTokens = Math.min(maxPromptTokens(body.length, messages), model.contextLength)
  return {
    ...identity,
    job: newJobId(services.now()),
    requestId: c.get('requestId'),
    model: model.id,
    stream: request.stream,
    includeUsage: request.includeUsage,
    n: request.n,
    maxOutputTokens,
    messages,
    rules: plainRules('chat.completions', model.maxPrice),
    holdMsat: costMsat(model.maxPrice, promptTokens, maxOutputTokens * request.n),
    body,
    createdAt: c.get('startedAt'),
  }
}

/**
 * Reserves the maximum cost and runs the job at the same time; neither waits for the other. A
 * refused hold takes the job back before its client has seen a byte.
 */
async function runJob(services: EdgeServices, c: EdgeContext, order: JobOrder): Promise<JobAnswer> {
  const { hub, accounts } = services
  const { signal } = c.req.raw
  if (signal.aborted) throw clientClosed()
  const holding = accounts.reserve({
    accountId: order.accountId,
    job: order.job,
    amountMsat: order.holdMsat,
    expiresAt: order.createdAt + JOB_DEADLINE_MS + HOLD_GRACE_MS,
    maxOpenHolds: MAX_OPEN_HOLDS,
  })
  const onAbort = (): void => outlive(c, hub.cancel(order.job, 'client_disconnected'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const [hold, answer] = await Promise.all([
      holding.then(
        async (held) => {
          if (!held.ok) await hub.cancel(order.job, held.reason)
          return held
        },
        async (error: unknown) => {
          await hub.cancel(order.job, 'hold_failed')
          throw error
        },
      ),
      hub.submit(order),
    ])
    if (!hold.ok) throw holdRefused(order, hold)
    return answer
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Lets a call end although its client is gone; a Worker is stopped otherwise. Node needs no such word. */
function outlive(c: EdgeContext, call: void | Promise<void>): void {
  if (call instanceof Promise) c.executionCtx.waitUntil(call)
}

function holdRefused(order: JobOrder, hold: HoldResult & { ok: false }): ApiError {
  switch (hold.reason) {
    case 'insufficient_credit':
      return apiErrors.insufficientCredit(BigInt(order.holdMsat), BigInt(hold.availableMsat))
    case 'too_many_open':
      return apiErrors.tooManyConcurrent(MAX_OPEN_HOLDS, BUSY_RETRY_AFTER_MS)
    case 'backlog':
      return apiErrors.overloaded(NO_PROVIDER_RETRY_AFTER_MS)
  }
}

function respond(
  services: EdgeServices,
  c: EdgeContext,
  order: JobOrder,
  answer: JobAnswer,
): Response {
  if (answer.kind === 'error') return refuse(services, c, new ApiError(answer.error))
  const stream = answer.kind === 'stream'
  return new Response(answer.body as ReadableStream | Uint8Array<ArrayBuffer>, {
    headers: {
      'content-type': stream ? 'text/event-stream; charset=utf-8' : 'application/json',
      ...(stream ? { 'cache-control': 'no-cache', 'x-accel-buffering': 'no' } : {}),
      'x-request-id': order.requestId,
      'x-infernet-job': order.job,
      'x-infernet-provider': answer.provider,
    },
  })
}
