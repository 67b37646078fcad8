import { waitUntil } from 'cloudflare:workers'
import { errorEnvelope, type ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { SETTLER_PATH } from '@infernet/schemas/settler-wire'
import { PROVIDER_PATH } from '@infernet/schemas/wire'
import { createApp } from '../../app.ts'
import { KeyRing } from '../../auth/key-ring.ts'
import { EdgeEvents } from '../../events.ts'
import { refuseSubprotocol } from '../../hub/provider-upgrade.ts'
import { l402Of } from '../../l402/l402.ts'
import { refuseSettler } from '../../settler/settler-upgrade.ts'
import type { HubPort } from '../../ports.ts'
import type { EdgeServices } from '../../services.ts'
import { objectAccounts } from './object-accounts.ts'
import {
  archiveOf,
  auditKeysOf,
  auditsOf,
  slashesOf,
  billingOf,
  masterKeysOf,
  pricedJobsOf,
  earningsOf,
  providerStoreOf,
  settlerOf,
  storeOf,
  type WorkerEnv,
} from './env.ts'
import { shardHubs, type ShardHubs } from './shard-hubs.ts'
import { workerLog } from './worker-log.ts'
import { workerTracer } from './worker-tracer.ts'

export { AccountObject } from './account-object.ts'
export { DirectoryObject } from './directory-object.ts'
export { HubObject } from './hub-object.ts'
export { SettlerObject } from './settler-object.ts'

/** One isolate's part of the edge; bindings do not change within an isolate, so it is made once. */
interface Isolate {
  readonly app: ReturnType<typeof createApp>
  readonly hubs: ShardHubs
}
let isolate: Isolate | undefined

export default {
  async fetch(request, env, ctx): Promise<Response> {
    isolate ??= isolateOf(env)
    const { app, hubs } = isolate
    hubs.seen(request)
    if (request.headers.get('upgrade') === 'websocket') return connect(request, env, hubs)
    return app.fetch(request, env, ctx)
  },
} satisfies ExportedHandler<WorkerEnv>

type UpgradeRequest = Request<unknown, IncomingRequestCfProperties>

function connect(
  request: UpgradeRequest,
  env: WorkerEnv,
  hubs: ShardHubs,
): Response | Promise<Response> {
  const { pathname } = new URL(request.url)
  if (pathname === PROVIDER_PATH) return connectProvider(request, hubs)
  if (pathname === SETTLER_PATH) return connectSettler(request, env)
  return refused(apiErrors.notFound('GET', pathname))
}

async function connectProvider(request: UpgradeRequest, hubs: ShardHubs): Promise<Response> {
  const refusal = refuseSubprotocol(request.headers.get('sec-websocket-protocol'))
  if (refusal !== undefined) return refused(refusal, 426)
  const hub = await hubs.forProvider(request)
  return hub.fetch(request)
}

function connectSettler(request: UpgradeRequest, env: WorkerEnv): Response | Promise<Response> {
  const refusal = refuseSettler(request.headers.get('authorization'), env.SETTLER_TOKEN)
  return refusal === undefined ? settlerOf(env).fetch(request) : refused(refusal)
}

const refused = (error: ApiError, status = error.status): Response =>
  Response.json(errorEnvelope(error), { status })

function isolateOf(env: WorkerEnv): Isolate {
  // A timer outlives its request only as long as somebody waits for it.
  const tracer = workerTracer(env, 'worker', (task, delayMs) =>
    waitUntil(delay(delayMs).then(task)),
  )
  const events = new EdgeEvents(workerLog, tracer)
  const hubs = shardHubs(env, events)
  return { hubs, app: createApp(servicesOf(env, events, hubs.hub)) }
}

function servicesOf(env: WorkerEnv, events: EdgeEvents, hub: HubPort): EdgeServices {
  const store = storeOf(env)
  const billing = billingOf(env)
  const accounts = objectAccounts(env)
  const settler = { wake: () => settlerOf(env).wake() }
  return {
    hub,
    accounts,
    store,
    archive: archiveOf(env),
    billing,
    pricedJobs: pricedJobsOf(env),
    settler,
    keys: new KeyRing(store, Date.now),
    audit: auditKeysOf(env),
    audits: auditsOf(env),
    slashes: slashesOf(env),
    providers: providerStoreOf(env),
    earnings: earningsOf(env),
    l402: l402Of(masterKeysOf(env), { accounts, store, billing, settler, now: Date.now }),
    addressOf: (c) => c.req.header('cf-connecting-ip') ?? '',
    events,
    now: Date.now,
    operatorToken: env.OPERATOR_TOKEN,
    openMetrics: false,
  }
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
