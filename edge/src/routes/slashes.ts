import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { appealSchema, verifyAppeal } from '@infernet/schemas/appeal'
import { isPeerId } from '@infernet/schemas/peer-id'
import { isRecent } from '@infernet/schemas/provider-request'
import { isSlashId } from '@infernet/schemas/slash-facts'
import { Hono } from 'hono'
import { answer, answerText } from '../answers.ts'
import { slashJson } from '../audit/slash-json.ts'
import type { StoredSlash } from '../audit/slash-port.ts'
import { credentialsOf } from '../auth/credentials.ts'
import { identify } from '../auth/identify.ts'
import { isOperator } from '../auth/is-operator.ts'
import { signedBy } from '../auth/provider-request.ts'
import type { EdgeContext, EdgeEnv, EdgeServices } from '../services.ts'
import { readJson } from './read-json.ts'

/** Confirmed offences for anybody to check, and for their providers to appeal against. */
export function slashes(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.get('/', async (c) => {
    const data = await slashesAsked(services, c)
    return answer(services, c, { object: 'list', data: data.map(slashJson) })
  })
  app.get('/:id', async (c) => answer(services, c, slashJson(await slashIn(services, c))))
  app.get('/:id/evidence', async (c) => {
    const slash = await slashIn(services, c)
    if (!(await mayReadEvidence(services, c, slash))) throw evidencePrivate(slash)
    const evidence = await services.slashes.evidenceOf(slash.id)
    if (evidence === undefined) throw apiErrors.objectNotFound('slash', slash.id)
    return answerText(services, c, evidence)
  })
  app.post('/:id/appeal', async (c) => {
    const appeal = await readJson(c, appealSchema)
    const slash = await slashIn(services, c)
    const at = services.now()
    if (!isRecent(appeal.at, at)) throw signedTooLong()
    if (!(await verifyAppeal(slash.provider, slash.id, appeal))) throw notTheProvider(slash)
    const isTaken = await services.slashes.appeal(slash.id, { reason: appeal.reason, at })
    const now = await slashIn(services, c)
    if (!isTaken) throw cannotAppeal(now)
    return answer(services, c, slashJson(now))
  })
  return app
}

/** The slash in a path. Throws ApiError 404. */
export async function slashIn(services: EdgeServices, c: EdgeContext): Promise<StoredSlash> {
  const id = c.req.param('id') ?? ''
  const slash = isSlashId(id) ? await services.slashes.find(id) : undefined
  if (slash === undefined) throw apiErrors.objectNotFound('slash', id)
  return slash
}

/** The latest of the provider in the query. Throws ApiError 400. */
export async function slashesAsked(
  services: EdgeServices,
  c: EdgeContext,
): Promise<readonly StoredSlash[]> {
  const provider = c.req.query('provider') ?? ''
  if (isPeerId(provider)) return services.slashes.ofProvider(provider)
  throw apiErrors.invalidRequest("'provider' must be a provider's peer id.", 'provider')
}

async function mayReadEvidence(
  services: EdgeServices,
  c: EdgeContext,
  { id, isOpen, lease, provider }: StoredSlash,
): Promise<boolean> {
  if (isOpen || isOperator(services, c)) return true
  const peer = await signedBy(services, c, id)
  if (peer !== undefined) return peer === provider
  if (credentialsOf(c) === undefined) return false
  const { accountId } = await identify(services, c)
  const [job = ''] = lease.split('.')
  return (await services.store.findJob(accountId, job)) !== undefined
}

const evidencePrivate = ({ id }: StoredSlash): ApiError =>
  new ApiError({
    status: 403,
    type: 'invalid_request_error',
    code: 'evidence_private',
    message: `The evidence of ${id} holds a client's question and its answer. Only that client, its provider (infernet-agent slash verify) and the operator may read it; GET /v1/slashes/${id} is for anybody.`,
  })

const signedTooLong = (): ApiError =>
  apiErrors.invalidRequest(
    "'at' is more than five minutes away from the edge's time (ms since the epoch).",
    'at',
    'signed_too_long_ago',
  )

const notTheProvider = ({ provider }: StoredSlash): ApiError =>
  new ApiError({
    status: 403,
    type: 'invalid_request_error',
    code: 'not_the_provider',
    param: 'signature',
    message: `The signature is not that of ${provider} over this appeal.`,
  })

const cannotAppeal = ({ id, state, appealUntil }: StoredSlash): ApiError =>
  new ApiError({
    status: 409,
    type: 'invalid_request_error',
    code: 'cannot_appeal',
    message:
      state === 'appealed'
        ? `An appeal against ${id} was taken already, and waits for the operator.`
        : `No appeal against ${id} can be taken any more: it is ${state}, and could be appealed against until ${new Date(appealUntil).toISOString()}.`,
  })
