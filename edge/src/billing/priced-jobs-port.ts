import type { ErrorEnvelope } from '@infernet/openai-compat/api-error'
import type { AccountId, ApiKeyId, JobId, RequestId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { CancelReason } from '@infernet/settlement/escrow/escrow-store'
import type { EscrowState } from '@infernet/settlement/escrow/escrow-state'
import type { PricedJobEndpoint } from '@infernet/openai-compat/priced-job-endpoints'
import type { PricedJobState } from './priced-job-state.ts'

/**
 * The rows of jobs of a fixed price, beside those of their escrows, as the edge uses them: it orders, runs
 * and judges; the settler makes the invoice and carries the verdict out. Every method is one statement.
 */
export interface PricedJobStore {
  /** Stores a quote, once per id, unless there are as many as may be. */
  quote(order: PricedJobOrder, room: QuoteRoom): Promise<'quoted' | 'account_full' | 'full'>
  /** Whether that is what was ordered under this id; undefined when nothing was. */
  isOrdered(
    id: JobId,
    order: Pick<PricedJobOrder, 'endpoint' | 'request' | 'metadata'>,
  ): Promise<boolean | undefined>
  /** Undefined for another account's. */
  find(accountId: AccountId, id: JobId): Promise<PricedJobDetail | undefined>
  /** The latest first. */
  listOf(accountId: AccountId, limit: number): Promise<readonly StoredPricedJob[]>
  /**
   * Takes a job whose payment is held and undecided, unless somebody else has it until later than
   * `claim.now`. An escrow of a job that is over without a verdict gets its verdict here: withdrawn.
   */
  claim(id: JobId, claim: JobClaim): Promise<ClaimedJob | undefined>
  /**
   * Stores the answer and, in the same step, the good verdict: the whole price to `provider`. False, and
   * nothing is stored, when the job is not that run's any more or the payment is not held and undecided.
   */
  complete(id: JobId, run: JobId, done: JobDone): Promise<boolean>
  /** The same for what went wrong, and the bad verdict if there is none yet. False when the job is not that run's. */
  fail(id: JobId, run: JobId, error: ErrorEnvelope['error']): Promise<boolean>
  /** Its client wants it no more: nothing is paid for. Undefined when there is no such job, or it is over. */
  withdraw(accountId: AccountId, id: JobId): Promise<WithdrawnJob | undefined>
}

export interface PricedJobOrder {
  readonly id: JobId
  readonly accountId: AccountId
  readonly apiKeyId: ApiKeyId
  readonly requestId: RequestId
  readonly endpoint: PricedJobEndpoint
  /** The one that is to answer: a name that is served, no alias. */
  readonly model: string
  /** The request's body, JSON. */
  readonly request: string
  /** The client's own words on it. */
  readonly metadata: JobMetadata
  readonly priceMsat: bigint
  /** The platform's part of the price. */
  readonly feeBps: number
  /** ms since the epoch. */
  readonly createdAt: number
}

export type JobMetadata = Readonly<Record<string, string>>

/** How many jobs may be under way, the new one included. */
export interface QuoteRoom {
  readonly ofAccount: number
  readonly ofAll: number
  /** ms since the epoch: quotes from before it that have no escrow are over. */
  readonly since: number
}

export interface StoredPricedJob extends Omit<PricedJobOrder, 'request'> {
  readonly state: PricedJobState
  /** The job that ran for it last, which has the receipt. */
  readonly run: JobId | undefined
  readonly providerId: string | undefined
  readonly error: ErrorEnvelope['error'] | undefined
  /** ms since the epoch. */
  readonly finishedAt: number | undefined
  /** Undefined until the settler has begun with it. */
  readonly escrow: JobEscrow | undefined
}

export interface PricedJobDetail extends StoredPricedJob {
  /** The answer, JSON. */
  readonly result: string | undefined
}

/** The payment of a job. */
export interface JobEscrow {
  readonly state: EscrowState
  readonly paymentHash: string
  readonly bolt11: string | undefined
  /** Unix seconds: until when the invoice can be paid. */
  readonly expiresAt: number | undefined
  /** What was decided; the node may still have to be told. */
  readonly verdict: 'settle' | 'cancel' | undefined
  readonly cancelReason: CancelReason | undefined
}

export interface JobClaim {
  /** Whose it is, and the id of the job that runs for it. */
  readonly run: JobId
  /** ms since the epoch, as the next. */
  readonly now: number
  /** After it another may take the job. */
  readonly until: number
}

export interface ClaimedJob extends PricedJobOrder {
  readonly run: JobId
}

export interface JobDone {
  readonly provider: PeerId
  /** JSON. */
  readonly result: string
}

export interface WithdrawnJob {
  /** The job that was running for it. */
  readonly run: JobId | undefined
}
