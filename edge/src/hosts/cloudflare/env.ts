import type { AccountObject } from './account-object.ts'
import type { HubObject } from './hub-object.ts'

/** Bindings of wrangler.toml. */
export interface WorkerEnv {
  readonly HUB: DurableObjectNamespace<HubObject>
  readonly ACCOUNT: DurableObjectNamespace<AccountObject>
  /** Neon's `postgres://…`, or a local `http://…/sql`. */
  readonly DATABASE_URL: string
  readonly OPERATOR_TOKEN?: string
  /** See `parseTimeouts`. */
  readonly JOB_TIMEOUTS?: string
}

/** The only shard until the directory of shards arrives. */
export const HUB_NAME = 'hub:0'
