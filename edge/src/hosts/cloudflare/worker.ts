import { errorEnvelope } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { AccountId } from '@infernet/schemas/ids'
import { PROVIDER_PATH } from '@infernet/schemas/wire'
import { createApp } from '../../app.ts'
import { KeyRing } from '../../auth/key-ring.ts'
import { connectNeon } from '../../db/neon-db.ts'
import { postgresStore } from '../../db/store.ts'
import { EdgeEvents } from '../../events.ts'
import { DIRECTORY_TTL_MS } from '../../limits.ts'
import { refuseSubprotocol } from '../../hub/provider-upgrade.ts'
import type { Directory } from '../../ports.ts'
import type { EdgeServices } from '../../services.ts'
import { HUB_NAME, type WorkerEnv } from './env.ts'
import { workerLog } from './worker-log.ts'

export { AccountObject } from './account-object.ts'
export { HubObject } from './hub-object.ts'

type App = ReturnType<typeof createApp>

/** Bindings do not change within an isolate, so the app is made once. */
let app: App | undefined

export default {
  async fetch(request, env, ctx): Promise<Response> {
    if (request.headers.get('upgrade') === 'websocket') return connectProvider(request, env)
    app ??= createApp(servicesOf(env))
    return app.fetch(request, env, ctx)
  },
} satisfies ExportedHandler<WorkerEnv>

const hubOf = (env: WorkerEnv) => env.HUB.get(env.HUB.idFromName(HUB_NAME))

function connectProvider(request: Request, env: WorkerEnv): Promise<Response> | Response {
  if (new URL(request.url).pathname !== PROVIDER_PATH) {
    return Response.json(errorEnvelope(apiErrors.notFound('GET', new URL(request.url).pathname)), {
      status: 404,
    })
  }
  const refusal = refuseSubprotocol(request.headers.get('sec-websocket-protocol'))
  if (refusal !== undefined) return Response.json(errorEnvelope(refusal), { status: 426 })
  return hubOf(env).fetch(request)
}

function servicesOf(env: WorkerEnv): EdgeServices {
  const store = postgresStore(connectNeon(env.DATABASE_URL), Date.now)
  const accountOf = (id: AccountId) => env.ACCOUNT.get(env.ACCOUNT.idFromName(id))
  return {
    hub: {
      submit: (order) => hubOf(env).submit(order),
      cancel: (job, reason) => hubOf(env).cancel(job, reason),
      directory: cachedDirectory(() => hubOf(env).directory()),
      metrics: () => hubOf(env).metrics(),
    },
    accounts: {
      reserve: (request) => accountOf(request.accountId).reserve(request),
      settle: async (record) => {
        await accountOf(record.accountId as AccountId).settle(record)
      },
      deposit: (id, reference, amount) => accountOf(id).deposit(id, reference, amount),
      balance: (id) => accountOf(id).balance(id),
      flush: (id) => accountOf(id).flush(),
    },
    store,
    keys: new KeyRing(store, Date.now),
    events: new EdgeEvents(workerLog),
    now: Date.now,
    operatorToken: env.OPERATOR_TOKEN,
    openMetrics: false,
  }
}

/** Keeps the value, never the promise: requests of one isolate must not wait on each other's I/O. */
function cachedDirectory(load: () => Promise<Directory>): () => Promise<Directory> {
  let cached: { directory: Directory; freshUntil: number } | undefined
  return async () => {
    if (cached === undefined || cached.freshUntil <= Date.now()) {
      cached = { directory: await load(), freshUntil: Date.now() + DIRECTORY_TTL_MS }
    }
    return cached.directory
  }
}
