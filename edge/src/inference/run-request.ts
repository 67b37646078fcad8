import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { JobId } from '@infernet/schemas/ids'
import { allowRequest } from '../auth/identify.ts'
import { holdRefused } from '../account/hold-refused.ts'
import { rateLimitHeaders } from '../account/rate-limit-headers.ts'
import type { Identity } from '../auth/identity.ts'
import { clientClosed } from '../hub/job-errors.ts'
import { HOLD_GRACE_MS, JOB_DEADLINE_MS } from '../limits.ts'
import type { HoldResult, HubPort, JobOrder } from '../ports.ts'
import { requestTrace } from '../telemetry/request-spans.ts'
import type { EdgeContext, EdgeServices } from '../services.ts'
import type { BodyAnswer, ParsedRequest } from './client-api.ts'
import { jobOrder } from './job-order.ts'
import { outlast } from './outlast.ts'
import { servedModels } from './served-models.ts'

/** A request that was answered with a body. */
export interface RanRequest {
  readonly parsed: ParsedRequest
  readonly order: JobOrder
  readonly answer: BodyAnswer
}

/**
 * Runs a request: one job for the first of its models that is served, and for the next ones while
 * it is the providers who fail. `signal` ends it, at once; `once` names the request that its holds
 * belong to, when it may be repeated. Throws ApiError.
 */
export async function runRequest(
  services: EdgeServices,
  c: EdgeContext,
  identity: Identity,
  parsed: ParsedRequest,
  signal: AbortSignal | undefined,
  once?: JobId,
): Promise<RanRequest> {
  if (services.audit === undefined && parsed.request.provider.verify === 'strict')
    throw nothingVerified()
  const directory = await services.hub.directory()
  const choices = servedModels(directory, parsed.request, (name, known) =>
    services.events.demandUnmet(name, known ? 'offline' : 'unknown'),
  )
  const { endpoint } = parsed.request
  for (const { model } of choices)
    allowRequest(identity, { endpoint, model: model.id }, services.now())
  const rim: RunRim = {
    outlast: (work) => outlast(c, work),
    held: (hold) => c.set('rateLimits', rateLimitHeaders(hold)),
  }
  let failure: ApiError | undefined
  for (const choice of choices) {
    const order = jobOrder({
      identity,
      requestId: c.get('requestId'),
      parsed,
      choice,
      createdAt: c.get('startedAt'),
      now: services.now(),
      explain: wantsRouting(c),
      trace: services.events.tracing ? requestTrace(c.req.raw) : undefined,
    })
    const ran = await runJob(services, rim, identity, order, signal, once)
    if (!(ran instanceof ApiError)) return { ...ran, parsed }
    if (ran.status < 500) throw ran
    failure = ran
  }
  throw failure ?? apiErrors.providerFailed()
}

const nothingVerified = (): ApiError =>
  apiErrors.invalidRequest(
    "Invalid 'provider.verify': this edge verifies nothing; expected 'sampled' or 'none'.",
    'provider.verify',
    'unsupported_value',
  )

/** OpenRouter's header, or ours. */
const wantsRouting = (c: EdgeContext): boolean =>
  (c.req.header('x-openrouter-metadata') ?? c.req.header('x-infernet-metadata')) === 'enabled'

/** What a job that runs does to its surroundings. */
export interface RunRim {
  /** Lets work end although nobody waits for it any more. */
  outlast(work: void | Promise<unknown>): void
  /** Hears what became of the hold. */
  held(hold: HoldResult): void
}

type RunServices = Pick<EdgeServices, 'accounts' | 'events' | 'now'> & {
  readonly hub: Pick<HubPort, 'submit' | 'cancel'>
}

/**
 * Reserves the maximum cost and runs the job at the same time; neither waits for the other. A
 * refused hold takes the job back before its client has seen a byte. Returns the ApiError of a provider,
 * after which another model may be tried, and throws the others.
 */
export async function runJob(
  services: RunServices,
  rim: RunRim,
  identity: Identity,
  order: JobOrder,
  signal: AbortSignal | undefined,
  once?: JobId,
): Promise<Omit<RanRequest, 'parsed'> | ApiError> {
  const { hub } = services
  if (signal?.aborted === true) throw clientClosed()
  const onAbort = (): void => rim.outlast(hub.cancel(order.job, 'client_disconnected'))
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const [hold, answer] = await Promise.all([
      reserve(services, identity, order, once),
      hub.submit(order),
    ])
    rim.held(hold)
    if (!hold.ok) throw holdRefused(order, hold)
    if (answer.kind === 'error') return new ApiError(answer.error)
    return { order, answer }
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

async function reserve(
  { accounts, hub, events, now }: RunServices,
  identity: Identity,
  order: JobOrder,
  once: JobId | undefined,
): Promise<HoldResult> {
  const startedAt = now()
  try {
    const held = await accounts.reserve({
      accountId: order.accountId,
      apiKeyId: order.apiKeyId,
      job: order.job,
      amountMsat: order.holdMsat,
      tokens: order.maxTokens,
      limits: identity.limits,
      totalBudgetMsat: identity.bundle?.limits.budgetMsat,
      expiresAt: order.createdAt + JOB_DEADLINE_MS + HOLD_GRACE_MS,
      once,
    })
    events.holdMade(order, startedAt, held.ok ? undefined : held.reason)
    if (!held.ok) await hub.cancel(order.job, held.reason)
    return held
  } catch (error) {
    events.holdMade(order, startedAt, 'hold_failed')
    await hub.cancel(order.job, 'hold_failed')
    throw error
  }
}
