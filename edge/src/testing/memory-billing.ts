import type { AccountId } from '@infernet/schemas/ids'
import { liveAccount, ownerCode } from '@infernet/settlement/ledger/live-account'
import { DbUnavailable } from '@infernet/settlement/db/db-port'
import type {
  BillingStore,
  PendingTransfer,
  SettlerNode,
  StoredTopUp,
  StoredWithdrawal,
  TopUpRequest,
  WithdrawalRequest,
} from '../billing/billing-port.ts'
import type { TransferOutcome } from '../ports.ts'

/** What a settler does to the rows, as far as the edge sees it. */
export interface SettlerActs {
  runs(node: SettlerNode | undefined): Promise<void>
  /** `expiresAt` in Unix seconds. */
  opened(topUp: string, hash: string, bolt11: string, expiresAt: number): Promise<void>
  expired(topUp: string): Promise<void>
  /** Paid, posted, and the live account to be told. */
  settled(topUp: string, paidMsat: bigint): Promise<void>
  /** The node pays a withdrawal. */
  paying(withdrawal: string): Promise<void>
  succeeded(withdrawal: string, preimage: string, feeMsat: bigint): Promise<void>
  failed(withdrawal: string, failure: string): Promise<void>
}

/** What the conformance suite of `db/` asks of the money rows of Postgres, and the settler's part of them. */
export class MemoryBilling implements BillingStore, SettlerActs {
  readonly topUps = new Map<string, StoredTopUp>()
  readonly withdrawals = new Map<string, StoredWithdrawal>()
  readonly transfers = new Map<string, PendingTransfer & { state: 'pending' | TransferOutcome }>()
  /** Every call fails, as when Postgres cannot be reached. */
  down = false
  #node: SettlerNode | undefined

  #reach(): void {
    if (this.down) throw new DbUnavailable('connection refused')
  }

  async orderTopUp(order: TopUpRequest): Promise<void> {
    this.#reach()
    if (this.topUps.has(order.id)) return
    const nothing = { paymentHash: undefined, bolt11: undefined, expiresAt: undefined }
    this.topUps.set(order.id, {
      ...order,
      ...nothing,
      state: 'requested',
      paidMsat: 0n,
      credited: false,
    })
  }

  async findTopUp(id: string): Promise<StoredTopUp | undefined> {
    this.#reach()
    const row = this.topUps.get(id)
    if (row === undefined) return undefined
    const credited = this.transfers.get(`inv:${row.paymentHash}`)?.state === 'done'
    return { ...row, credited }
  }

  async topUpsOf(accountId: AccountId, limit: number): Promise<StoredTopUp[]> {
    this.#reach()
    const own = [...this.topUps.values()].filter((row) => row.accountId === accountId)
    own.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
    const found = await Promise.all(own.slice(0, limit).map(({ id }) => this.findTopUp(id)))
    return found.filter((row) => row !== undefined)
  }

  async orderWithdrawal(order: WithdrawalRequest): Promise<void> {
    this.#reach()
    if (this.withdrawals.has(order.id)) return
    this.withdrawals.set(order.id, {
      ...order,
      funding: 'pending',
      payout: undefined,
      failure: undefined,
      preimage: undefined,
      feeMsat: undefined,
      createdAt: this.withdrawals.size + 1,
    })
    this.tell(`wd:${order.id}`, order.accountId, 0n - order.amountMsat - order.feeReserveMsat)
  }

  /** Leaves word for a live balance, once per reference; nothing for 0, as `tell_account`. */
  tell(reference: string, accountId: AccountId, amountMsat: bigint): void {
    if (amountMsat === 0n || this.transfers.has(reference)) return
    this.transfers.set(reference, { reference, accountId, amountMsat, state: 'pending' })
  }

  async findWithdrawal(accountId: AccountId, id: string): Promise<StoredWithdrawal | undefined> {
    this.#reach()
    const row = this.withdrawals.get(id)
    if (row?.accountId !== accountId) return undefined
    return { ...row, funding: this.transfers.get(`wd:${id}`)?.state ?? 'pending' }
  }

  async withdrawalsOf(accountId: AccountId, limit: number): Promise<StoredWithdrawal[]> {
    this.#reach()
    const own = [...this.withdrawals.values()].filter((row) => row.accountId === accountId)
    own.sort((a, b) => b.createdAt - a.createdAt)
    const found = own.slice(0, limit).map(({ id }) => this.findWithdrawal(accountId, id))
    return (await Promise.all(found)).filter((row) => row !== undefined)
  }

  async pendingTransfers(references: readonly string[]): Promise<PendingTransfer[]> {
    this.#reach()
    return references.flatMap((reference) => {
      const row = this.transfers.get(reference)
      if (row?.state !== 'pending') return []
      const { accountId, amountMsat } = row
      return [{ reference, accountId, amountMsat }]
    })
  }

  async transferEnded(reference: string, outcome: TransferOutcome): Promise<void> {
    this.#reach()
    const row = this.transfers.get(reference)
    if (row?.state === 'pending') row.state = outcome
  }

  async node(): Promise<SettlerNode | undefined> {
    this.#reach()
    return this.#node
  }

  async runs(node: SettlerNode | undefined): Promise<void> {
    this.#node = node
  }

  async opened(topUp: string, hash: string, bolt11: string, expiresAt: number): Promise<void> {
    this.#changeTopUp(topUp, { state: 'open', paymentHash: hash, bolt11, expiresAt })
  }

  async expired(topUp: string): Promise<void> {
    this.#changeTopUp(topUp, { state: 'expired' })
  }

  async settled(topUp: string, paidMsat: bigint): Promise<void> {
    const { accountId, paymentHash } = this.#changeTopUp(topUp, { state: 'settled', paidMsat })
    const live = liveAccount(accountId === undefined ? `l402:${paymentHash}` : ownerCode(accountId))
    this.tell(`inv:${paymentHash}`, live as AccountId, paidMsat)
  }

  #changeTopUp(id: string, changes: Partial<StoredTopUp>): StoredTopUp {
    const row = this.topUps.get(id)
    if (row === undefined) throw new Error(`no top-up ${id}`)
    const changed = { ...row, ...changes }
    this.topUps.set(id, changed)
    return changed
  }

  async paying(withdrawal: string): Promise<void> {
    this.#changeWithdrawal(withdrawal, { payout: 'paying' })
  }

  async succeeded(withdrawal: string, preimage: string, feeMsat: bigint): Promise<void> {
    this.#changeWithdrawal(withdrawal, { payout: 'succeeded', preimage, feeMsat })
    const { accountId, feeReserveMsat } = this.withdrawals.get(withdrawal)!
    this.tell(`po:${withdrawal}:back`, accountId, feeReserveMsat - feeMsat)
  }

  async failed(withdrawal: string, failure: string): Promise<void> {
    this.#changeWithdrawal(withdrawal, { payout: 'failed', failure })
    const { accountId, amountMsat, feeReserveMsat } = this.withdrawals.get(withdrawal)!
    this.tell(`po:${withdrawal}:back`, accountId, amountMsat + feeReserveMsat)
  }

  #changeWithdrawal(id: string, changes: Partial<StoredWithdrawal>): void {
    const row = this.withdrawals.get(id)
    if (row === undefined) throw new Error(`no withdrawal ${id}`)
    this.withdrawals.set(id, { ...row, ...changes })
  }
}
