import type { AccountId, ApiKeyId, JobId, LeaseId } from '@infernet/schemas/ids'
import type { LedgerEvent } from '@infernet/schemas/job-record'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Capability } from '@infernet/schemas/wire'
import type { ReceiptStatus, StoredApiKey, StoredJob, StoredReceipt, StorePort } from '../ports.ts'

/** What the conformance suite of `db/` asks of Postgres, as far as the core relies on it. */
export class MemoryStore implements StorePort {
  readonly accounts = new Map<AccountId, string>()
  readonly keys = new Map<ApiKeyId, StoredApiKey>()
  /** By account and idempotency key: an event that comes twice is here once. */
  readonly ledger = new Map<string, LedgerEvent>()
  readonly receipts = new Map<LeaseId, StoredReceipt & { readonly provider: PeerId }>()
  readonly seen: { provider: PeerId; capability: Capability }[] = []
  known: string[] = []
  /** Every call fails, as when Postgres cannot be reached. */
  down = false

  #reach(): void {
    if (this.down) throw new Error('connection refused')
  }

  async findApiKey(id: ApiKeyId): Promise<StoredApiKey | undefined> {
    this.#reach()
    return this.keys.get(id)
  }

  async createAccount(id: AccountId, name: string): Promise<void> {
    this.#reach()
    this.accounts.set(id, name)
  }

  async createApiKey(key: { id: ApiKeyId; accountId: AccountId; hash: string }): Promise<boolean> {
    this.#reach()
    if (!this.accounts.has(key.accountId)) return false
    const { accountId, hash } = key
    this.keys.set(key.id, { accountId, hash, expiresAt: null, revokedAt: null })
    return true
  }

  async revokeApiKey(accountId: AccountId, id: ApiKeyId): Promise<boolean> {
    this.#reach()
    const key = this.keys.get(id)
    if (key?.accountId !== accountId || key.revokedAt !== null) return false
    this.keys.set(id, { ...key, revokedAt: 0 })
    return true
  }

  async writeLedgerEvents(events: readonly LedgerEvent[]): Promise<void> {
    this.#reach()
    for (const event of events) {
      const key = `${event.accountId} ${event.idempotencyKey}`
      if (!this.ledger.has(key)) this.ledger.set(key, event)
    }
  }

  async storeReceipts(
    provider: PeerId,
    receipts: readonly StoredReceipt[],
  ): Promise<Map<LeaseId, ReceiptStatus>> {
    this.#reach()
    return new Map(
      receipts.map((receipt) => [receipt.lease, this.#storeReceipt(provider, receipt)]),
    )
  }

  #storeReceipt(provider: PeerId, receipt: StoredReceipt): ReceiptStatus {
    const { lease } = receipt
    const earlier = this.receipts.get(lease)?.provider === provider
    const named = [...this.ledger.values()].some(
      ({ job }) => job?.lease === lease && job.providerId === provider,
    )
    if (!receipt.known && !earlier && !named) return 'unknown'
    if (!this.receipts.has(lease)) this.receipts.set(lease, { ...receipt, provider })
    return 'stored'
  }

  async findJob(accountId: AccountId, job: JobId): Promise<StoredJob | undefined> {
    this.#reach()
    const record = this.ledger.get(`${accountId} job:${job}`)?.job
    if (record === undefined || record === null) return undefined
    const receipt = this.receipts.get((record.lease ?? '') as LeaseId)?.receipt
    return { record, receipt }
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
