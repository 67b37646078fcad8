import { waitUntil } from 'cloudflare:workers'
import { errorEnvelope } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { AccountId } from '@infernet/schemas/ids'
import { PROVIDER_PATH } from '@infernet/schemas/wire'
import { createApp } from '../../app.ts'
import { KeyRing } from '../../auth/key-ring.ts'
import { EdgeEvents } from '../../events.ts'
import { refuseSubprotocol } from '../../hub/provider-upgrade.ts'
import type { HubPort } from '../../ports.ts'
import type { EdgeServices } from '../../services.ts'
import { billingOf, storeOf, type WorkerEnv } from './env.ts'
import { shardHubs, type ShardHubs } from './shard-hubs.ts'
import { workerLog } from './worker-log.ts'
import { workerTracer } from './worker-tracer.ts'

export { AccountObject } from './account-object.ts'
export { DirectoryObject } from './directory-object.ts'
export { HubObject } from './hub-object.ts'

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
    if (request.headers.get('upgrade') === 'websocket') return connectProvider(request, hubs)
    return app.fetch(request, env, ctx)
  },
} satisfies ExportedHandler<WorkerEnv>

async function connectProvider(
  request: Request<unknown, IncomingRequestCfProperties>,
  hubs: ShardHubs,
): Promise<Response> {
  if (new URL(request.url).pathname !== PROVIDER_PATH) {
    return Response.json(errorEnvelope(apiErrors.notFound('GET', new URL(request.url).pathname)), {
      status: 404,
    })
  }
  const refusal = refuseSubprotocol(request.headers.get('sec-websocket-protocol'))
  if (refusal !== undefined) return Response.json(errorEnvelope(refusal), { status: 426 })
  const hub = await hubs.forProvider(request)
  return hub.fetch(request)
}

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
  const accountOf = (id: AccountId) => env.ACCOUNT.get(env.ACCOUNT.idFromName(id))
  return {
    hub,
    accounts: {
      reserve: (request) => accountOf(request.accountId).reserve(request),
      settle: async (record) => {
        await accountOf(record.accountId as AccountId).settle(record)
      },
      deposit: (id, reference, amount) => accountOf(id).deposit(id, reference, amount),
      transfer: (id, reference, amount) => accountOf(id).transfer(id, reference, amount),
      balance: (id) => accountOf(id).balance(id),
      keyUsage: (id, key, limits) => accountOf(id).keyUsage(id, key, limits),
      beginOnce: (request) => accountOf(request.accountId).beginOnce(request),
      finishOnce: (end) => accountOf(end.accountId).finishOnce(end),
      awaitOnce: (id, key, deadline) => accountOf(id).awaitOnce(id, key, deadline),
      flush: (id) => accountOf(id).flush(),
    },
    store,
    billing: billingOf(env),
    settler: { wake: () => {} },
    keys: new KeyRing(store, Date.now),
    events,
    now: Date.now,
    operatorToken: env.OPERATOR_TOKEN,
    openMetrics: false,
  }
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
