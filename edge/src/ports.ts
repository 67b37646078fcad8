import type { ApiErrorFields } from '@infernet/openai-compat/api-error'
import type { AccountId, ApiKeyId, JobId, LeaseId, RequestId } from '@infernet/schemas/ids'
import type { JobRecord, LedgerEvent } from '@infernet/schemas/job-record'
import type { SignedReceipt } from '@infernet/schemas/receipt'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Capability, Price } from '@infernet/schemas/wire'
import type { MatchRules } from './hub/match-rules.ts'

/**
 * The small ports that the core knows; `hosts/` implements them on Node and on Cloudflare.
 * Everything that crosses one is plain data, because on Cloudflare it crosses an RPC.
 */

/** A job as the route hands it to the hub, its maximum cost already being reserved. */
export interface JobOrder {
  readonly job: JobId
  readonly requestId: RequestId
  readonly accountId: AccountId
  readonly apiKeyId: ApiKeyId
  readonly model: string
  readonly stream: boolean
  readonly includeUsage: boolean
  /** Choices asked for. */
  readonly n: number
  readonly maxOutputTokens: number
  /** Messages in the request; with its bytes they bound the prompt that a provider may claim. */
  readonly messages: number
  /** Who may take it; `rules.maxPrice` is what the hold was computed from. */
  readonly rules: MatchRules
  readonly holdMsat: number
  /** The client's own bytes. */
  readonly body: Uint8Array
  /** ms since the epoch. */
  readonly createdAt: number
}

export type JobAnswer =
  | {
      readonly kind: 'stream'
      readonly provider: PeerId
      readonly body: ReadableStream<Uint8Array>
    }
  | { readonly kind: 'json'; readonly provider: PeerId; readonly body: Uint8Array }
  | { readonly kind: 'error'; readonly error: ApiErrorFields }

/** A model with at least one provider connected now. */
export interface ServedModel {
  readonly id: string
  readonly contextLength: number
  /** Per token kind, the dearest connected provider: what a hold must cover. */
  readonly maxPrice: Price
  /** Per token kind, the cheapest connected provider. */
  readonly minPrice: Price
  readonly providers: number
  readonly capabilities: readonly string[]
  /** ms since the epoch: when this hub first saw the model. */
  readonly since: number
}

export interface Directory {
  readonly models: readonly ServedModel[]
  /** Models that providers have offered before, none of whom is connected. */
  readonly offline: readonly string[]
}

/** A shard of connected providers and the jobs they run. */
export interface HubPort {
  /** Resolves with the first bytes, with the whole answer, or with the error; never rejects for a job's sake. */
  submit(order: JobOrder): Promise<JobAnswer>
  /** Stops a job whose client is gone or whose hold was refused. Unknown jobs are ignored. */
  cancel(job: JobId, reason: string): void | Promise<void>
  directory(): Directory | Promise<Directory>
  /** Prometheus text of the hub's own metrics. */
  metrics(): string | Promise<string>
}

export interface HoldRequest {
  readonly accountId: AccountId
  readonly job: JobId
  readonly amountMsat: number
  /** ms since the epoch; after it the hold goes back to the client. */
  readonly expiresAt: number
  readonly maxOpenHolds: number
}

export type HoldResult =
  | { readonly ok: true; readonly availableMsat: number }
  | {
      readonly ok: false
      readonly reason: 'insufficient_credit' | 'too_many_open' | 'backlog'
      readonly availableMsat: number
    }

export interface Balance {
  readonly availableMsat: number
  readonly reservedMsat: number
  readonly openHolds: number
}

/** Live balances. Every call is idempotent by its job or reference. */
export interface AccountPort {
  reserve(request: HoldRequest): Promise<HoldResult>
  /** Captures `record.costMsat` of the job's hold and releases the rest. A second call changes nothing. */
  settle(record: JobRecord): Promise<void>
  deposit(accountId: AccountId, reference: string, amountMsat: number): Promise<Balance>
  balance(accountId: AccountId): Promise<Balance>
  /** Writes what the outbox holds to Postgres now. */
  flush(accountId: AccountId): Promise<void>
}

/** SQLite inside the object: a Durable Object's storage or `node:sqlite`. Integers are JS numbers. */
export interface SqlPort {
  exec(
    sql: string,
    ...params: readonly (string | number | null)[]
  ): Record<string, string | number | null>[]
  transactionSync<T>(body: () => T): T
}

export type ReceiptStatus = 'stored' | 'unknown'

/** What the core needs of Postgres, none of it before an answer has been delivered. */
export interface StorePort {
  findApiKey(id: ApiKeyId): Promise<StoredApiKey | undefined>
  createAccount(id: AccountId, name: string): Promise<void>
  /** False when there is no such account. */
  createApiKey(key: {
    id: ApiKeyId
    accountId: AccountId
    hash: string
    name: string
  }): Promise<boolean>
  /** False when the account has no such key, or it was revoked before. */
  revokeApiKey(accountId: AccountId, id: ApiKeyId): Promise<boolean>
  writeLedgerEvents(events: readonly LedgerEvent[]): Promise<void>
  /** Stores verified receipts; a lease that no job row and no `known` entry names is `unknown`. */
  storeReceipts(
    provider: PeerId,
    receipts: readonly StoredReceipt[],
  ): Promise<Map<LeaseId, ReceiptStatus>>
  findJob(accountId: AccountId, job: JobId): Promise<StoredJob | undefined>
  providerSeen(provider: PeerId, capability: Capability): Promise<void>
  /** Names of models that any provider has ever offered, bounded. */
  knownModels(): Promise<string[]>
  /** Throws when Postgres cannot be reached. */
  ping(): Promise<void>
}

export interface StoredApiKey {
  readonly accountId: AccountId
  readonly hash: string
  readonly expiresAt: number | null
  readonly revokedAt: number | null
}

export interface StoredReceipt {
  readonly job: JobId
  readonly lease: LeaseId
  readonly receipt: SignedReceipt
  /** The hub itself saw this lease end, so that its job row is on its way. */
  readonly known: boolean
}

export interface StoredJob {
  readonly record: JobRecord
  readonly receipt: SignedReceipt | undefined
}
