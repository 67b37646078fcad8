import type { ApiErrorFields } from '@infernet/openai-compat/api-error'
import type { AccountId, ApiKeyId, JobId, LeaseId, RequestId } from '@infernet/schemas/ids'
import type { JobRecord, LedgerBatch } from '@infernet/schemas/job-record'
import type { SignedReceipt } from '@infernet/schemas/receipt'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Announcement, Capability, Endpoint, Load, Price } from '@infernet/schemas/wire'
import type { MatchRules } from './hub/match-rules.ts'
import type { SelfTestOutcome } from './self-test/self-test-port.ts'
import type { RequestTrace } from './telemetry/request-spans.ts'

/**
 * The small ports that the core knows; `hosts/` implements them on Node and on Cloudflare.
 * Everything that crosses one is plain data, because on Cloudflare it crosses an RPC.
 */

export interface Verification {
  /** `none`: never. `strict`: always, and the answer carries the verdict. `canary`: always; it is a question of the operator's. */
  readonly mode: 'none' | 'sampled' | 'strict' | 'canary'
  /** Anybody may verify it, and read it where it convicts its provider. */
  readonly isOpen: boolean
  /** How long a strict answer waits for its verdict, ms, its job's deadline or not; absent: VERDICT_WAIT_MS at most. */
  readonly waitMs?: number
}

/** A job as the route hands it to the hub, its maximum cost already being reserved. */
export interface JobOrder {
  readonly job: JobId
  readonly requestId: RequestId
  readonly accountId: AccountId
  readonly apiKeyId: ApiKeyId
  readonly model: string
  readonly stream: boolean
  /** Another provider may go on with a stream that broke; see `canContinue`. */
  readonly continuable: boolean
  readonly includeUsage: boolean
  /** The client asked how its request is routed, and named this model. */
  readonly routing?: { readonly requested: string }
  /** Choices asked for. */
  readonly n: number
  readonly maxOutputTokens: number
  /** The most tokens the job can use, its prompt included. */
  readonly maxTokens: number
  /** Messages in the request; with its bytes they bound the prompt that a provider may claim. */
  readonly messages: number
  /** Who may take it; `rules.maxPrice` is what the hold was computed from. */
  readonly rules: MatchRules
  /** How its answer is verified; absent: drawn by chance, and shown to nobody. */
  readonly verification?: Verification
  readonly holdMsat: number
  /** The client's own bytes, less its `provider{}`. */
  readonly body: Uint8Array
  /** ms since the epoch. */
  readonly createdAt: number
  /** Leases that other shards may have given for it: this one counts on from there. */
  readonly leasesBefore?: number
  /** Its provider has asked for it, to try itself: for nothing, and nobody is told of it. */
  readonly isSelfTest?: true
  /** Where the request came from; absent when nothing is traced. */
  readonly trace?: RequestTrace
}

export type JobAnswer =
  | {
      readonly kind: 'stream'
      /** Undefined when the stream was opened to show a waiting client a sign of life. */
      readonly provider: PeerId | undefined
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
  /** Engine calls that some provider of it takes. */
  readonly endpoints: readonly Endpoint[]
  /** Weight formats that its providers declare, in lower case. */
  readonly quantizations: readonly string[]
  /** ms since the epoch: when this hub first saw the model. */
  readonly since: number
}

/** One provider's offer of a model, as clients may see it. */
export interface OfferView {
  readonly peer: PeerId
  readonly price: Price
  readonly quantization: string | undefined
  readonly contextLength: number
  readonly capabilities: readonly string[]
  readonly endpoints: readonly Endpoint[]
  /** Median seconds to the first byte; undefined before anything was measured, like the next two. */
  readonly latencyP50: number | undefined
  /** Output tokens per second. */
  readonly throughputP50: number | undefined
  /** Share of jobs that did not fail, 0 to 1. */
  readonly uptime: number | undefined
  /** Has a free slot now. */
  readonly available: boolean
}

/** A provider that is connected now. */
export interface Presence {
  readonly peer: PeerId
  /** Until when its time here is written down, ms since the epoch. */
  readonly countedUntil: number
  /** How sure a job is to end well, by its latest ones, 0 to 1; 1 before it had any. */
  readonly reliability: number
  /** As it told last; absent before it did. */
  readonly load?: Load | undefined
}

/** What challenges have found: two providers are one machine, and one of them rests while the other is here. */
export interface SharedGpu {
  readonly peer: PeerId
  readonly other: PeerId
  /** It is `peer` that rests. */
  readonly isResting: boolean
  /** ms since the epoch. */
  readonly since: number
  readonly until: number
}

export interface Directory {
  readonly models: readonly ServedModel[]
  /** Models that providers have offered before, none of whom is connected. */
  readonly offline: readonly string[]
}

/** An invoice that a provider's agent is asked for: always the same one for a payout and an attempt. */
export interface InvoiceOrder {
  readonly payout: string
  /** From 1. */
  readonly attempt: number
  readonly amountMsat: bigint
}

/** A shard of connected providers and the jobs they run. */
export interface HubPort {
  /** Resolves with the first bytes, with the whole answer, or with the error; never rejects for a job's sake. */
  submit(order: JobOrder): Promise<JobAnswer>
  /** Stops a job whose client is gone or whose hold was refused. Unknown jobs are ignored. */
  cancel(job: JobId, reason: string): void | Promise<void>
  directory(): Directory | Promise<Directory>
  /** Everybody who offers the model. */
  providersOf(model: string): readonly OfferView[] | Promise<readonly OfferView[]>
  /** Those of these providers that are connected, as far as it can be found out. */
  presenceOf(peers: readonly PeerId[]): readonly Presence[] | Promise<readonly Presence[]>
  /** What challenges have found of these providers' machines, as far as it can be found out. */
  sharedGpusOf(peers: readonly PeerId[]): readonly SharedGpu[] | Promise<readonly SharedGpu[]>
  /** An invoice of the provider's own node, unchecked. Rejects with `InvoiceAskError`. */
  askInvoice(peer: PeerId, order: InvoiceOrder): Promise<string>
  /** Gives a provider a small job of its own to try. Whoever asks is that provider. */
  selfTest(peer: PeerId): Promise<SelfTestOutcome>
  /** Prometheus text of the hub's own metrics. */
  metrics(): string | Promise<string>
}

/** What a key or an account may use; null is without limit. */
export interface SpendLimits {
  readonly requestsPerMinute: number | null
  readonly tokensPerMinute: number | null
  /** Requests running at once. */
  readonly maxConcurrent: number | null
  /** Captured since 00:00 UTC and held now, together. */
  readonly budgetMsatPerDay: number | null
}

export const UNLIMITED: SpendLimits = Object.freeze({
  requestsPerMinute: null,
  tokensPerMinute: null,
  maxConcurrent: null,
  budgetMsatPerDay: null,
})

/** The limits that a request meets: its key's and its account's. */
export interface Limits {
  readonly key: SpendLimits
  readonly account: SpendLimits
}

export interface HoldRequest {
  readonly accountId: AccountId
  readonly apiKeyId: ApiKeyId
  readonly job: JobId
  readonly amountMsat: number
  /** The most tokens the job can use, its prompt included. */
  readonly tokens: number
  /** ms since the epoch; after it the hold goes back to the client. */
  readonly expiresAt: number
  readonly limits: Limits
  /**
   * What the account may have spent in all, by whomever and with what is held, once this hold is made:
   * a budget that a bundle's token was narrowed to.
   */
  readonly totalBudgetMsat?: number | undefined
  /** The `job` given to `beginOnce`, when the job answers a request with an idempotency key. */
  readonly once?: JobId | undefined
}

/** One `x-ratelimit-*` triple. */
export interface RateWindow {
  readonly limit: number
  /** What may be used at once, now. */
  readonly remaining: number
  /** Until all of the limit may be used at once. */
  readonly resetMs: number
}

/** The tighter of the key's and the account's windows; absent where neither has a limit. */
export interface RateWindows {
  readonly requests?: RateWindow
  readonly tokens?: RateWindow
}

export type TransferOutcome = 'done' | 'refused'

export type HoldRefusal =
  | { readonly reason: 'insufficient_credit'; readonly availableMsat: number }
  | { readonly reason: 'backlog' }
  | {
      readonly reason: 'rate_limit_requests' | 'rate_limit_tokens' | 'too_many_open' | 'budget'
      /** Whose limit it is. */
      readonly scope: 'key' | 'account'
      readonly limit: number
      /** A budget for all times, not for a day. */
      readonly total?: true
      /** Absent where time alone does not help. */
      readonly retryAfterMs?: number
    }

export type HoldResult = { readonly rates?: RateWindows } & (
  | { readonly ok: true }
  | ({ readonly ok: false } & HoldRefusal)
)

export interface Balance {
  readonly availableMsat: number
  readonly reservedMsat: number
  readonly openHolds: number
}

/** What a key or an account uses of its limits. */
export interface ScopeUsage extends RateWindows {
  readonly limits: SpendLimits
  /** Captured since 00:00 UTC. Null for a key that has neither a budget nor a limit of open requests: nobody counts it. */
  readonly spentTodayMsat: number | null
  readonly reservedMsat: number | null
  readonly openHolds: number | null
  /** What the daily budget still allows; null without one. */
  readonly budgetLeftMsat: number | null
}

export interface KeyUsage {
  readonly key: ScopeUsage
  readonly account: ScopeUsage
}

/** A request that its client may repeat: an `Idempotency-Key` belongs to the API key it came with. */
export interface OnceRequest {
  readonly accountId: AccountId
  readonly apiKeyId: ApiKeyId
  /** At most {@link MAX_ONCE_KEY_CHARS} characters. */
  readonly key: string
  /** SHA-256 in hex of what makes two requests the same. */
  readonly fingerprint: string
  /** Names this run of the request; its holds name it in `once`. */
  readonly job: JobId
  /** ms since the epoch. */
  readonly now: number
}

/**
 * `new`: the caller runs the request, and says how it ended with `finishOnce`. `running`: another
 * caller does. `done`: the answer to give. `conflict`: the key was used for another request.
 */
export type OnceState =
  | { readonly state: 'new' }
  | { readonly state: 'running'; readonly job: JobId }
  | { readonly state: 'done'; readonly answer: StoredAnswer }
  | { readonly state: 'conflict' }

/** An answer kept for repetitions of its request. */
export interface StoredAnswer {
  readonly status: number
  readonly contentType: string
  /** Those few that a repetition has too. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface OnceEnd {
  readonly accountId: AccountId
  readonly key: string
  /** Of the `beginOnce` that this ends. */
  readonly job: JobId
  /** Undefined when nothing was charged: the request may be tried anew. */
  readonly answer: StoredAnswer | undefined
}

/** Live balances. Every call is idempotent by its job or reference. */
export interface AccountPort {
  reserve(request: HoldRequest): Promise<HoldResult>
  /** Captures `record.costMsat` of the job's hold and releases the rest. A second call changes nothing. */
  settle(record: JobRecord): Promise<void>
  deposit(accountId: AccountId, reference: string, amountMsat: number): Promise<Balance>
  /**
   * What Postgres has posted reaches the live balance, durably and once per reference; below zero takes
   * from `available`, and is `refused` when that doesn't cover it. The first outcome holds for ever.
   */
  transfer(accountId: AccountId, reference: string, amountMsat: number): Promise<TransferOutcome>
  balance(accountId: AccountId): Promise<Balance>
  keyUsage(accountId: AccountId, apiKeyId: ApiKeyId, limits: Limits): Promise<KeyUsage>
  beginOnce(request: OnceRequest): Promise<OnceState>
  finishOnce(end: OnceEnd): Promise<void>
  /**
   * Resolves with true when a run under this key has ended or `deadline` (ms since the epoch) is
   * over, at once if none is under way: ask `beginOnce` again. False: too many wait already.
   */
  awaitOnce(accountId: AccountId, key: string, deadline: number): Promise<boolean>
  /** Writes what the outbox holds to Postgres now. */
  flush(accountId: AccountId): Promise<void>
}

/** What SQLite takes. It gives blobs as `ArrayBuffer` in a Durable Object, as `Uint8Array` elsewhere. */
export type SqlValue = string | number | null | Uint8Array
export type SqlRow = Readonly<Record<string, SqlValue | ArrayBuffer>>

/** SQLite inside the object: a Durable Object's storage or `node:sqlite`. Integers are JS numbers. */
export interface SqlPort {
  exec(sql: string, ...params: readonly SqlValue[]): SqlRow[]
  /** Runs a statement whose rows nobody needs, which is cheaper. Returns how many rows it changed. */
  run(sql: string, ...params: readonly SqlValue[]): number
  transactionSync<T>(body: () => T): T
}

export type ReceiptStatus = 'stored' | 'unknown'

/** What the core needs of Postgres, none of it before an answer has been delivered. */
export interface StorePort {
  findApiKey(id: ApiKeyId): Promise<StoredApiKey | undefined>
  /** Limits that are not named get their defaults. Returns all of them. */
  createAccount(account: {
    id: AccountId
    name: string
    limits: Partial<SpendLimits>
  }): Promise<SpendLimits>
  /** Undefined when there is no such account. */
  findAccount(id: AccountId): Promise<StoredAccount | undefined>
  /** Returns all limits as they are now, or undefined when there is no such account. */
  changeAccount(id: AccountId, limits: Partial<SpendLimits>): Promise<SpendLimits | undefined>
  /** Returns the key's limits, or undefined when there is no such account. */
  createApiKey(key: {
    id: ApiKeyId
    accountId: AccountId
    hash: string
    name: string
    /** ms since the epoch; null: never. */
    expiresAt: number | null
    limits: Partial<SpendLimits>
  }): Promise<SpendLimits | undefined>
  /** Returns all limits as they are now, or undefined when there is no such key. */
  changeApiKey(id: ApiKeyId, limits: Partial<SpendLimits>): Promise<SpendLimits | undefined>
  /** False when the account has no such key, or it was revoked before. */
  revokeApiKey(accountId: AccountId, id: ApiKeyId): Promise<boolean>
  writeLedgerEvents(batch: LedgerBatch): Promise<void>
  /** As far as the outbox has been written. */
  credits(accountId: AccountId): Promise<AccountCredits>
  /** By day (UTC) and model since `since` (ms since the epoch): the latest first, at most `limit` rows. */
  usageByDay(accountId: AccountId, since: number, limit: number): Promise<readonly DailyUsage[]>
  /** Reads the whole journal. */
  trialBalance(): Promise<TrialBalance>
  /** Stores verified receipts; a lease that no job row and no `known` entry names is `unknown`. */
  storeReceipts(receipts: readonly StoredReceipt[]): Promise<readonly ReceiptStatus[]>
  /** By the job's id or its answer's. */
  findJob(accountId: AccountId, id: string): Promise<StoredJob | undefined>
  /** Stores a response, or what has become of it; another account's is left alone. */
  storeResponse(response: StoredResponse): Promise<void>
  /** Undefined for another account's, and when it has expired by `now` (ms since the epoch). */
  findResponse(accountId: AccountId, id: string, now: number): Promise<StoredResponse | undefined>
  /** False when the account has no such response. */
  deleteResponse(accountId: AccountId, id: string): Promise<boolean>
  /** `announcement`: the record as it was signed; without it the one that is known stays. */
  providerSeen(
    provider: PeerId,
    capability: Capability,
    announcement: Announcement | undefined,
  ): Promise<void>
  /** Names of models that any provider has ever offered, bounded. */
  knownModels(): Promise<string[]>
  /** Throws when Postgres cannot be reached. */
  ping(): Promise<void>
}

export interface StoredAccount {
  readonly name: string
  readonly limits: SpendLimits
}

/** What an account has bought and used since it was made, msat; the difference is its balance. */
export interface AccountCredits {
  readonly totalMsat: number
  readonly usedMsat: number
}

/** What an account has used of a model on a day. */
export interface DailyUsage {
  /** `2026-01-31`, in UTC. */
  readonly date: string
  readonly model: string
  readonly requests: number
  readonly promptTokens: number
  readonly completionTokens: number
  readonly costMsat: number
}

/** The journal as a whole. It is sound when the sum is 0 and nothing has drifted. */
export interface TrialBalance {
  /** By kind of account (`client`, `provider`, …), and by code where a kind is entries only. */
  readonly kinds: readonly {
    readonly kind: string
    readonly accounts: number
    readonly balanceMsat: bigint
  }[]
  readonly sumMsat: bigint
  /** Accounts whose kept balance is not the sum of their entries. */
  readonly drifted: readonly {
    readonly account: string
    readonly balanceMsat: bigint
    readonly entriesMsat: bigint
  }[]
}

export interface StoredApiKey {
  readonly accountId: AccountId
  readonly hash: string
  readonly expiresAt: number | null
  readonly revokedAt: number | null
  readonly limits: Limits
}

export interface StoredReceipt {
  /** Who signed it. */
  readonly provider: PeerId
  readonly job: JobId
  readonly lease: LeaseId
  readonly receipt: SignedReceipt
  /** The hub itself saw this lease end, so that its job row is on its way. */
  readonly known: boolean
}

export interface StoredJob {
  readonly record: JobRecord
  /** Of the lease that ended it. */
  readonly receipt: SignedReceipt | undefined
  /** Of its prior legs, in their order; undefined where the provider has not signed (yet). */
  readonly earlier: readonly (SignedReceipt | undefined)[]
}

/** An answer of the Responses API that its client may fetch or continue. */
export interface StoredResponse {
  /** `resp_…` */
  readonly id: string
  readonly accountId: AccountId
  /** ms since the epoch. */
  readonly createdAt: number
  readonly expiresAt: number
  /** JSON, as the client got it. */
  readonly response: unknown
  /** JSON: what it was asked. */
  readonly inputItems: readonly unknown[]
}
