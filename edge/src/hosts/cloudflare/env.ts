import { parseComputeRates } from '@infernet/settlement/compute-price'
import { parseFeeBps } from '@infernet/settlement/ledger/fee'
import { parseMasterKeys, type MasterKeys } from '@infernet/settlement/l402/root-key'
import { AuditKeys, parseAuditSecret } from '../../audit/audit-keys.ts'
import {
  AUDIT_POINTS,
  BILLING_POINTS,
  crashable,
  PRICED_JOB_POINTS,
  STORE_POINTS,
  type AtEdgeStep,
} from '../../crash-points.ts'
import { connectNeon } from '../../db/neon-db.ts'
import type { AuditStore } from '../../audit/audit-port.ts'
import { parseConductTimes } from '../../audit/conduct-times.ts'
import type { SlashStore } from '../../audit/slash-port.ts'
import type { ConductTimes } from '@infernet/verification/reputation/conduct'
import { postgresAudits } from '../../db/audits.ts'
import { postgresSlashes } from '../../db/slashes.ts'
import { postgresEarnings } from '../../db/earnings.ts'
import { postgresProviders } from '../../db/provider-records.ts'
import { postgresBilling } from '../../db/billing.ts'
import { postgresPricedJobs } from '../../db/priced-jobs.ts'
import { postgresArchive } from '../../db/receipt-archive.ts'
import { postgresStore } from '../../db/store.ts'
import { regionOfShard } from '../../hub/shard-region.ts'
import type { BillingStore } from '../../billing/billing-port.ts'
import type { PricedJobsService } from '../../billing/priced-jobs-service.ts'
import type { StorePort } from '../../ports.ts'
import type { EarningsStore } from '../../earnings/earnings-port.ts'
import type { ProviderStore } from '../../reputation/provider-port.ts'
import type { ReceiptArchive } from '../../receipts/receipt-archive.ts'
import type { AccountObject } from './account-object.ts'
import type { DirectoryObject } from './directory-object.ts'
import type { HubObject } from './hub-object.ts'
import type { SettlerObject } from './settler-object.ts'

/** Bindings of wrangler.toml. */
export interface WorkerEnv {
  readonly HUB: DurableObjectNamespace<HubObject>
  readonly ACCOUNT: DurableObjectNamespace<AccountObject>
  readonly DIRECTORY: DurableObjectNamespace<DirectoryObject>
  readonly SETTLER: DurableObjectNamespace<SettlerObject>
  /** Neon's `postgres://…`, or a local `http://…/sql`. */
  readonly DATABASE_URL: string
  readonly OPERATOR_TOKEN?: string
  readonly SETTLER_TOKEN?: string
  /** See `parseMasterKeys`; without it no bundles are sold. */
  readonly L402_KEYS?: string
  /** See `parseAuditSecret`; without it nothing is audited. */
  readonly AUDIT_SECRET?: string
  /** See `parseVerifiers`. */
  readonly VERIFIERS?: string
  /** See `parseOpenVerifiers`. */
  readonly OPEN_VERIFIERS?: string
  /** See `parseCanaries`. */
  readonly CANARY_ACCOUNT?: string
  readonly CANARY_SHARE?: string
  readonly CHALLENGES?: string
  /** See `parseConductTimes`. */
  readonly SUSPENSION_HOURS?: string
  readonly ACCUSATION_HOURS?: string
  readonly APPEAL_HOURS?: string
  /** See `parseTimeouts`. */
  readonly JOB_TIMEOUTS?: string
  /** See `parsePriceBounds`. */
  readonly MIN_PRICE?: string
  readonly MAX_PRICE?: string
  /** See `parseFeeBps`. */
  readonly FEE_BPS?: string
  /** See `parseComputeRates`. */
  readonly COMPUTE_RATES?: string
  /** See `telemetrySettings`. */
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string
  readonly OTEL_EXPORTER_OTLP_HEADERS?: string
  readonly OTEL_SERVICE_NAME?: string
  readonly OTEL_TRACES_SAMPLER_ARG?: string
  /** See `atOf`; only `workerd/serve.ts` sets it. */
  readonly CRASH_URL?: string
}

/** Throws FeeError when `FEE_BPS` makes no sense. */
export const storeOf = (env: WorkerEnv): StorePort =>
  crashable(
    postgresStore(connectNeon(env.DATABASE_URL), Date.now, parseFeeBps(env.FEE_BPS)),
    STORE_POINTS,
    atOf(env),
  )

export const archiveOf = (env: WorkerEnv): ReceiptArchive =>
  postgresArchive(connectNeon(env.DATABASE_URL))

/** Throws FeeError or JobPriceError when a setting makes no sense. */
export const pricedJobsOf = (env: WorkerEnv): PricedJobsService => ({
  store: crashable(
    postgresPricedJobs(connectNeon(env.DATABASE_URL), Date.now),
    PRICED_JOB_POINTS,
    atOf(env),
  ),
  feeBps: parseFeeBps(env.FEE_BPS),
  rates: parseComputeRates(env.COMPUTE_RATES),
})

export const billingOf = (env: WorkerEnv): BillingStore =>
  crashable(postgresBilling(connectNeon(env.DATABASE_URL)), BILLING_POINTS, atOf(env))

/** Throws L402Error `bad_key` when `L402_KEYS` makes no sense. */
export const masterKeysOf = ({ L402_KEYS: keys = '' }: WorkerEnv): MasterKeys | undefined =>
  keys === '' ? undefined : parseMasterKeys(keys)

/** Throws AuditSecretError when `AUDIT_SECRET` makes no sense. */
export const auditKeysOf = ({ AUDIT_SECRET: secret = '' }: WorkerEnv): AuditKeys | undefined =>
  secret === '' ? undefined : new AuditKeys(parseAuditSecret(secret))

/** Throws ConductTimesError when a setting makes no sense. */
export const conductTimesOf = (env: WorkerEnv): ConductTimes =>
  parseConductTimes({
    suspension: env.SUSPENSION_HOURS,
    accusation: env.ACCUSATION_HOURS,
    appeal: env.APPEAL_HOURS,
  })

export const slashesOf = (env: WorkerEnv): SlashStore =>
  postgresSlashes(connectNeon(env.DATABASE_URL))

export const providerStoreOf = (env: WorkerEnv): ProviderStore =>
  postgresProviders(connectNeon(env.DATABASE_URL), Date.now)

export const earningsOf = (env: WorkerEnv): EarningsStore =>
  postgresEarnings(connectNeon(env.DATABASE_URL), Date.now)

export const auditsOf = (env: WorkerEnv): AuditStore =>
  crashable(postgresAudits(connectNeon(env.DATABASE_URL)), AUDIT_POINTS, atOf(env))

/** Whoever is told of steps is on this machine: nothing of it can be in use on Cloudflare. */
const CRASH_HOST = 'http://127.0.0.1:'

/**
 * For crash tests only: tells `CRASH_URL` of each step and waits for the answer, which does not come when this process
 * is killed at it. Undefined without the variable.
 */
export function atOf({ CRASH_URL: url = '' }: WorkerEnv): AtEdgeStep | undefined {
  if (!url.startsWith(CRASH_HOST)) return undefined
  return async (step) => void (await fetch(url, { method: 'POST', body: step }))
}

/** There is one directory of shards. */
export const directoryOf = (env: WorkerEnv): DurableObjectStub<DirectoryObject> =>
  env.DIRECTORY.get(env.DIRECTORY.idFromName('directory'))

/** There is one settler at a time. */
export const settlerOf = (env: WorkerEnv): DurableObjectStub<SettlerObject> =>
  env.SETTLER.get(env.SETTLER.idFromName('settler'))

/** The object of a shard, made in its region when it is reached for the first time. */
export function hubOf(env: WorkerEnv, shard: string): DurableObjectStub<HubObject> {
  const region = regionOfShard(shard)
  const place = region === undefined ? {} : { locationHint: region }
  return env.HUB.get(env.HUB.idFromName(shard), place)
}
