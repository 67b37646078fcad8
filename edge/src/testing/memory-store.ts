import type { AccountId, ApiKeyId, LeaseId } from '@infernet/schemas/ids'
import type { JobRecord, LedgerBatch } from '@infernet/schemas/job-record'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Capability } from '@infernet/schemas/wire'
import {
  UNLIMITED,
  type AccountCredits,
  type DailyUsage,
  type ReceiptStatus,
  type SpendLimits,
  type StoredAccount,
  type StoredApiKey,
  type StoredJob,
  type StoredReceipt,
  type StoredResponse,
  type StorePort,
  type TrialBalance,
} from '../ports.ts'
import { DbUnavailable } from '@infernet/settlement/db/db-port'
import { ACCOUNT_DEFAULTS } from './spend-limits.ts'

/** What became of a client's balance, with the job that it paid for. */
export interface MemoryEvent {
  readonly kind: 'deposit' | 'capture' | 'release'
  /** What the balance changed by. */
  readonly amountMsat: number
  readonly job: JobRecord | null
}

/** Of a day, the dearest. */
const latestFirst = (one: DailyUsage, other: DailyUsage): number =>
  other.date.localeCompare(one.date) || other.costMsat - one.costMsat

/** What the conformance suite of `db/` asks of Postgres, as far as the core relies on it. */
export class MemoryStore implements StorePort {
  readonly accounts = new Map<AccountId, string>()
  readonly keys = new Map<ApiKeyId, Omit<StoredApiKey, 'limits'>>()
  /** Of accounts and keys whose limits are not the defaults. */
  readonly limits = new Map<AccountId | ApiKeyId, SpendLimits>()
  /** By account and idempotency key: an event that comes twice is here once. */
  readonly ledger = new Map<string, MemoryEvent>()
  readonly receipts = new Map<LeaseId, StoredReceipt>()
  readonly responses = new Map<string, StoredResponse>()
  readonly seen: { provider: PeerId; capability: Capability }[] = []
  known: string[] = []
  trial: TrialBalance = { kinds: [], sumMsat: 0n, drifted: [] }
  /** Every call fails, as when Postgres cannot be reached. */
  down = false

  #reach(): void {
    if (this.down) throw new DbUnavailable('connection refused')
  }

  async findApiKey(id: ApiKeyId): Promise<StoredApiKey | undefined> {
    this.#reach()
    const key = this.keys.get(id)
    if (key === undefined) return undefined
    const limits = {
      key: this.limits.get(id) ?? UNLIMITED,
      account: this.limits.get(key.accountId) ?? ACCOUNT_DEFAULTS,
    }
    return { ...key, limits }
  }

  async createAccount(account: {
    id: AccountId
    name: string
    limits: Partial<SpendLimits>
  }): Promise<SpendLimits> {
    this.#reach()
    this.accounts.set(account.id, account.name)
    return this.#setLimits(account.id, ACCOUNT_DEFAULTS, account.limits)
  }

  async findAccount(id: AccountId): Promise<StoredAccount | undefined> {
    this.#reach()
    const name = this.accounts.get(id)
    return name === undefined
      ? undefined
      : { name, limits: this.limits.get(id) ?? ACCOUNT_DEFAULTS }
  }

  async changeAccount(
    id: AccountId,
    changes: Partial<SpendLimits>,
  ): Promise<SpendLimits | undefined> {
    this.#reach()
    return this.accounts.has(id) ? this.#setLimits(id, ACCOUNT_DEFAULTS, changes) : undefined
  }

  async createApiKey(key: {
    id: ApiKeyId
    accountId: AccountId
    hash: string
    expiresAt: number | null
    limits: Partial<SpendLimits>
  }): Promise<SpendLimits | undefined> {
    this.#reach()
    if (!this.accounts.has(key.accountId)) return undefined
    const { accountId, hash, expiresAt } = key
    this.keys.set(key.id, { accountId, hash, expiresAt, revokedAt: null })
    return this.#setLimits(key.id, UNLIMITED, key.limits)
  }

  async changeApiKey(
    id: ApiKeyId,
    changes: Partial<SpendLimits>,
  ): Promise<SpendLimits | undefined> {
    this.#reach()
    return this.keys.has(id) ? this.#setLimits(id, UNLIMITED, changes) : undefined
  }

  #setLimits(
    id: AccountId | ApiKeyId,
    defaults: SpendLimits,
    changes: Partial<SpendLimits>,
  ): SpendLimits {
    const limits = { ...(this.limits.get(id) ?? defaults), ...changes }
    this.limits.set(id, limits)
    return limits
  }

  async revokeApiKey(accountId: AccountId, id: ApiKeyId): Promise<boolean> {
    this.#reach()
    const key = this.keys.get(id)
    if (key?.accountId !== accountId || key.revokedAt !== null) return false
    this.keys.set(id, { ...key, revokedAt: 0 })
    return true
  }

  async writeLedgerEvents({ deposits, records }: LedgerBatch): Promise<void> {
    this.#reach()
    for (const { accountId, reference, amountMsat } of deposits) {
      this.#write(`${accountId} deposit:${reference}`, { kind: 'deposit', amountMsat, job: null })
    }
    for (const record of records) {
      const job = JSON.parse(record) as JobRecord
      const kind = job.costMsat > 0 ? 'capture' : 'release'
      const amountMsat = 0 - job.costMsat
      this.#write(`${job.accountId} job:${job.id}`, { kind, amountMsat, job })
    }
  }

  #write(key: string, event: MemoryEvent): void {
    if (!this.ledger.has(key)) this.ledger.set(key, event)
  }

  async credits(accountId: AccountId): Promise<AccountCredits> {
    this.#reach()
    const own = [...this.ledger].filter(([key]) => key.startsWith(`${accountId} `))
    const sum = (kind: MemoryEvent['kind']): number =>
      own.reduce((total, [, event]) => total + (event.kind === kind ? event.amountMsat : 0), 0)
    return { totalMsat: sum('deposit'), usedMsat: 0 - sum('capture') }
  }

  async usageByDay(accountId: AccountId, since: number, limit: number): Promise<DailyUsage[]> {
    this.#reach()
    const rows = new Map<string, DailyUsage>()
    for (const { job } of this.ledger.values()) {
      if (job?.accountId !== accountId || job.createdAt < since || job.status === 'expired')
        continue
      const date = new Date(job.createdAt).toISOString().slice(0, 10)
      const before = rows.get(`${date} ${job.model}`)
      rows.set(`${date} ${job.model}`, {
        date,
        model: job.model,
        requests: (before?.requests ?? 0) + 1,
        promptTokens: (before?.promptTokens ?? 0) + job.promptTokens,
        completionTokens: (before?.completionTokens ?? 0) + job.completionTokens,
        costMsat: (before?.costMsat ?? 0) + job.costMsat,
      })
    }
    return [...rows.values()].sort(latestFirst).slice(0, limit)
  }

  async trialBalance(): Promise<TrialBalance> {
    this.#reach()
    return this.trial
  }

  async storeReceipts(receipts: readonly StoredReceipt[]): Promise<ReceiptStatus[]> {
    this.#reach()
    return receipts.map((receipt) => this.#storeReceipt(receipt))
  }

  #storeReceipt(receipt: StoredReceipt): ReceiptStatus {
    const { lease, provider } = receipt
    const earlier = this.receipts.get(lease)?.provider === provider
    const named = [...this.ledger.values()].some(
      ({ job }) => job?.lease === lease && job.providerId === provider,
    )
    if (!receipt.known && !earlier && !named) return 'unknown'
    if (!this.receipts.has(lease)) this.receipts.set(lease, receipt)
    return 'stored'
  }

  async findJob(accountId: AccountId, id: string): Promise<StoredJob | undefined> {
    this.#reach()
    const record = [...this.ledger.values()]
      .map(({ job }) => job)
      .findLast((job) => job?.accountId === accountId && (job.id === id || job.generationId === id))
    if (record === undefined || record === null) return undefined
    const receipt = this.receipts.get((record.lease ?? '') as LeaseId)?.receipt
    const earlier = record.priorLegs.map(
      ({ lease }) => this.receipts.get(lease as LeaseId)?.receipt,
    )
    return { record, receipt, earlier }
  }

  async storeResponse(response: StoredResponse): Promise<void> {
    this.#reach()
    const owner = this.responses.get(response.id)?.accountId ?? response.accountId
    // Postgres gives back what JSON can say, and no object of the caller's.
    const stored = JSON.parse(JSON.stringify(response)) as StoredResponse
    if (owner === response.accountId) this.responses.set(response.id, stored)
  }

  async findResponse(
    accountId: AccountId,
    id: string,
    now: number,
  ): Promise<StoredResponse | undefined> {
    this.#reach()
    const found = this.responses.get(id)
    return found?.accountId === accountId && found.expiresAt > now ? found : undefined
  }

  async deleteResponse(accountId: AccountId, id: string): Promise<boolean> {
    this.#reach()
    return this.responses.get(id)?.accountId === accountId && this.responses.delete(id)
  }

  async providerSeen(provider: PeerId, capability: Capability): Promise<void> {
    this.#reach()
    this.seen.push({ provider, capability })
  }

  async knownModels(): Promise<string[]> {
    this.#reach()
    return this.known
  }

  async ping(): Promise<void> {
    this.#reach()
  }
}
