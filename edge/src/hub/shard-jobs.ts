import type { ApiErrorFields } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { JobAnswer, JobOrder } from '../ports.ts'

/**
 * `unplaced`: no provider of this shard brought an answer, nothing was delivered, and `record` is not
 * settled. `isBusy`: somebody here would have taken the job with a free slot.
 */
export type ShardAnswer =
  | JobAnswer
  | {
      readonly kind: 'unplaced'
      readonly error: ApiErrorFields
      readonly record: JobRecord
      readonly isBusy: boolean
    }

const EVERYBODY_BUSY = apiErrors.overloaded(0).code

/** What another shard's providers may do better. */
const SHARD_FAULTS: ReadonlySet<string | null> = new Set([
  EVERYBODY_BUSY,
  apiErrors.noProvider('', 0).code,
  apiErrors.noProviderMatches('', [], 0).code,
  apiErrors.unsupported('', []).code,
  apiErrors.providerFailed().code,
])

/** Whether a job may go to another shard as if this one had never seen it: nobody is owed anything. */
const isUnplaced = (record: JobRecord): boolean =>
  record.status === 'failed' &&
  SHARD_FAULTS.has(record.errorCode) &&
  record.firstByteMs === null &&
  record.costMsat === 0

export interface ShardJobsOptions {
  readonly submit: (order: JobOrder, options: { readonly mayWait: boolean }) => Promise<JobAnswer>
  readonly settle: (record: JobRecord) => Promise<unknown> | void
}

/**
 * A hub's jobs as one of several shards has them: when nobody here takes a job that may go elsewhere,
 * its record is handed back unsettled, so that its hold is still there for the next shard.
 */
export class ShardJobs {
  readonly #options: ShardJobsOptions
  /** Jobs that may go elsewhere, as long as nothing was answered; with their record once they ended. */
  readonly #movable = new Map<string, JobRecord | undefined>()

  constructor(options: ShardJobsOptions) {
    this.#options = options
  }

  /** With `last`, the job may wait for a slot here, and it ends here whatever becomes of it. */
  async submit(order: JobOrder, last: boolean): Promise<ShardAnswer> {
    if (last) return this.#options.submit(order, { mayWait: true })
    this.#movable.set(order.job, undefined)
    try {
      const answer = await this.#options.submit(order, { mayWait: false })
      const record = this.#movable.get(order.job)
      if (record === undefined) return answer
      if (answer.kind === 'error') {
        const isBusy = record.errorCode === EVERYBODY_BUSY
        return { kind: 'unplaced', error: answer.error, record, isBusy }
      }
      // Its client has a stream already, in which it will be told.
      void this.#options.settle(record)
      return answer
    } finally {
      this.#movable.delete(order.job)
    }
  }

  /** The hub's word that a job has ended. */
  ended(record: JobRecord): Promise<unknown> | void {
    if (!this.#movable.has(record.id) || !isUnplaced(record)) return this.#options.settle(record)
    this.#movable.set(record.id, record)
  }

  /** The job has ended here and is on its way to another shard. */
  isMoving(job: string): boolean {
    return this.#movable.get(job) !== undefined
  }
}
