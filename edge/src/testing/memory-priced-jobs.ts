import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { ErrorEnvelope } from '@infernet/openai-compat/api-error'
import type { AccountId, JobId } from '@infernet/schemas/ids'
import { DbUnavailable } from '@infernet/settlement/db/db-port'
import { isFinished } from '@infernet/settlement/escrow/escrow-state'
import type { EscrowDecision } from '@infernet/settlement/escrow/escrow-store'
import { afterJobEvent, isJobOver, type PricedJobEvent } from '../billing/priced-job-state.ts'
import type {
  ClaimedJob,
  JobClaim,
  JobDone,
  JobEscrow,
  PricedJobDetail,
  PricedJobOrder,
  PricedJobStore,
  QuoteRoom,
  StoredPricedJob,
  WithdrawnJob,
} from '../billing/priced-jobs-port.ts'

/** What an escrow's row has to say to the edge. */
export type EscrowFields = Partial<
  Pick<JobEscrow, 'bolt11' | 'expiresAt' | 'cancelReason'> & { decision: EscrowDecision }
> &
  Pick<JobEscrow, 'state'>

/** What a settler does to the escrows of jobs, as far as the edge sees it. */
export interface EscrowActs {
  /** The job's escrow is now as these fields say. */
  escrow(job: JobId, fields: EscrowFields): Promise<void>
  /** The decision in the job's escrow. */
  decision(job: JobId): Promise<EscrowDecision | undefined>
}

interface Row extends PricedJobDetail {
  readonly order: PricedJobOrder
  readonly claimedUntil: number
}
const wordsOf = ({ endpoint, request, metadata }: PricedJobOrder) => [endpoint, request, metadata]

type Escrow = EscrowFields & { readonly paymentHash: string }

/** What the conformance suite of `db/` asks of the rows of priced jobs, and the settler's part of them. */
export class MemoryPricedJobs implements PricedJobStore, EscrowActs {
  /** Every call fails, as when Postgres cannot be reached. */
  down = false
  readonly #rows = new Map<JobId, Row>()
  readonly #escrows = new Map<JobId, Escrow>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  async escrow(job: JobId, fields: EscrowFields): Promise<void> {
    const before = this.#escrows.get(job) ?? { paymentHash: randomBytes(32).toString('hex') }
    this.#escrows.set(job, { ...before, ...fields })
  }

  async decision(job: JobId): Promise<EscrowDecision | undefined> {
    return this.#escrows.get(job)?.decision
  }

  async quote(order: PricedJobOrder, room: QuoteRoom) {
    this.#reach()
    if (this.#rows.has(order.id)) return 'quoted'
    for (const { id } of this.#rows.values())
      if (!this.#isAlive(id, room.since)) this.#move(id, 'withdraw')
    const alive = [...this.#rows.values()].filter(({ state }) => !isJobOver(state))
    const own = alive.filter(({ accountId }) => accountId === order.accountId)
    if (own.length >= room.ofAccount) return 'account_full'
    const live = [...this.#escrows.values()].filter(({ state }) => !isFinished(state))
    const unmade = alive.filter(({ id }) => !this.#escrows.has(id))
    if (live.length + unmade.length >= room.ofAll) return 'full'
    const { request: _, ...shown } = order
    const nothing = { run: undefined, providerId: undefined, error: undefined, result: undefined }
    const begun = { state: 'quoted', finishedAt: undefined, escrow: undefined } as const
    this.#rows.set(order.id, { ...shown, ...nothing, ...begun, order, claimedUntil: 0 })
    return 'quoted'
  }

  async isOrdered(
    id: JobId,
    { endpoint, request, metadata }: Pick<PricedJobOrder, 'endpoint' | 'request' | 'metadata'>,
  ): Promise<boolean | undefined> {
    this.#reach()
    const row = this.#rows.get(id)
    return row && isDeepStrictEqual([endpoint, request, metadata], wordsOf(row.order))
  }

  async find(accountId: AccountId, id: JobId): Promise<PricedJobDetail | undefined> {
    this.#reach()
    const row = this.#rows.get(id)
    return row?.accountId === accountId ? { ...this.#shown(row), result: row.result } : undefined
  }

  async listOf(accountId: AccountId, limit: number): Promise<StoredPricedJob[]> {
    this.#reach()
    return [...this.#rows.values()]
      .filter((row) => row.accountId === accountId)
      .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
      .slice(0, limit)
      .map((row) => this.#shown(row))
  }

  async claim(id: JobId, { run, now, until }: JobClaim): Promise<ClaimedJob | undefined> {
    this.#reach()
    const row = this.#rows.get(id)
    if (row === undefined) return undefined
    if (row.state === 'failed' || row.state === 'withdrawn')
      this.#decide(id, { kind: 'cancel', reason: 'withdrawn' })
    const taken = row.state === 'running' && row.run !== run && row.claimedUntil > now
    if (taken || !this.#isHeld(id) || !this.#move(id, 'claim', { run, claimedUntil: until }))
      return undefined
    return { ...row.order, run }
  }

  async complete(id: JobId, run: JobId, { provider, result }: JobDone): Promise<boolean> {
    this.#reach()
    const row = this.#rows.get(id)
    if (row?.run !== run) return false
    if (row.state !== 'running' || !this.#isHeld(id)) return row.state === 'completed'
    const { priceMsat, feeBps } = row
    this.#decide(id, { kind: 'settle', legs: [{ provider, gross: priceMsat }], feeBps })
    return this.#move(id, 'complete', { providerId: provider, result })
  }

  async fail(id: JobId, run: JobId, error: ErrorEnvelope['error']): Promise<boolean> {
    this.#reach()
    const row = this.#rows.get(id)
    if (row?.run !== run) return false
    if (row.state !== 'running') return row.state === 'failed'
    this.#decide(id, { kind: 'cancel', reason: 'bad_verdict' })
    return this.#move(id, 'fail', { error })
  }

  async withdraw(accountId: AccountId, id: JobId): Promise<WithdrawnJob | undefined> {
    this.#reach()
    const row = this.#rows.get(id)
    if (row?.accountId !== accountId || !this.#move(id, 'withdraw')) return undefined
    this.#decide(id, { kind: 'cancel', reason: 'withdrawn' })
    return { run: row.run }
  }

  #reach(): void {
    if (this.down) throw new DbUnavailable('connection refused')
  }

  #isAlive(id: JobId, since: number): boolean {
    const row = this.#rows.get(id)
    const escrow = this.#escrows.get(id)
    if (escrow !== undefined) return !isFinished(escrow.state)
    return row?.state === 'running' || (row?.createdAt ?? 0) > since
  }

  #isHeld(id: JobId): boolean {
    const escrow = this.#escrows.get(id)
    return escrow?.state === 'accepted' && escrow.decision === undefined
  }

  #decide(id: JobId, decision: EscrowDecision): void {
    const escrow = this.#escrows.get(id)
    if (escrow === undefined || escrow.decision !== undefined || isFinished(escrow.state)) return
    this.#escrows.set(id, { ...escrow, decision })
  }

  #move(id: JobId, event: PricedJobEvent, fields: Partial<Row> = {}): boolean {
    const row = this.#rows.get(id)
    const state = row && afterJobEvent(row.state, event)
    if (row === undefined || state === undefined) return false
    const finishedAt = isJobOver(state) ? this.#now() : undefined
    this.#rows.set(id, { ...row, ...fields, state, finishedAt })
    return true
  }

  #shown(row: Row): StoredPricedJob {
    const { order: _, claimedUntil: _until, result: _result, ...stored } = row
    const escrow = this.#escrows.get(row.id)
    return { ...stored, escrow: escrow && shownEscrow(escrow) }
  }
}

function shownEscrow(escrow: Escrow): JobEscrow {
  const { state, paymentHash, bolt11, expiresAt, decision, cancelReason } = escrow
  const decided = decision?.kind === 'cancel' ? decision.reason : undefined
  return {
    state,
    paymentHash,
    bolt11,
    expiresAt,
    verdict: decision?.kind,
    cancelReason: cancelReason ?? decided,
  }
}
