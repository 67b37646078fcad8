import type { LeaseId } from '@infernet/schemas/ids'
import { JOB_WINDOW_BYTES } from '@infernet/schemas/limits'
import type { Price } from '@infernet/schemas/wire'
import { nextAttemptState, type AttemptEvent, type AttemptState } from './attempt-state.ts'
import type { JobTask } from './job-task.ts'
import type { JobRun } from './job-run.ts'
import type { ProviderSession } from './provider-session.ts'

/** Credit is sent back in halves of the window: few frames, and the provider never runs dry. */
const CREDIT_STEP_BYTES = JOB_WINDOW_BYTES / 2

/** One lease of one job on one provider's channel. */
export class Attempt {
  readonly session: ProviderSession
  readonly channel: number
  readonly lease: LeaseId
  readonly price: Price
  readonly run: JobRun
  /** What the provider was asked: all of the request, or the rest of it. */
  readonly task: JobTask
  /** ms since the epoch; past it the sweep takes the lease away. */
  deadline = 0
  /** ms since the epoch: when the job was sent. */
  offeredAt = 0
  /** ms since the epoch: its first byte, and when it was over. */
  firstByteAt: number | undefined
  endedAt: number | undefined
  /** How long the current deadline lets the provider be silent. */
  waitMs = 0
  #state: AttemptState = 'offered'
  #cancelled = false
  #endedBy: AttemptEvent | undefined
  #windowLeft = JOB_WINDOW_BYTES
  #unreturned = 0

  constructor(options: {
    session: ProviderSession
    channel: number
    lease: LeaseId
    price: Price
    run: JobRun
    task: JobTask
  }) {
    this.session = options.session
    this.channel = options.channel
    this.lease = options.lease
    this.price = options.price
    this.run = options.run
    this.task = options.task
  }

  get state(): AttemptState {
    return this.#state
  }

  /** We took the lease back; whatever ends it now ends the job. */
  get cancelled(): boolean {
    return this.#cancelled
  }

  /** What ended it; undefined while it is under way. */
  get endedBy(): AttemptEvent | undefined {
    return this.#endedBy
  }

  /** Moves on, and gives the channel back when the lease is over. Throws `AttemptError`. */
  on(event: AttemptEvent): void {
    this.#state = nextAttemptState(this.#state, event)
    if (event === 'cancel') this.#cancelled = true
    if (this.#state !== 'closed') return
    this.#endedBy ??= this.#cancelled ? 'cancel' : event
    this.session.release(this)
  }

  /** The provider must show life within `waitMs`, and before `latest` (ms since the epoch). */
  expect(now: number, waitMs: number, latest: number): void {
    this.waitMs = Math.min(waitMs, latest - now)
    this.deadline = now + this.waitMs
  }

  /** Asks for it back: until `graceMs` after `now`, its provider may still tell what it has done. */
  callBack(reason: string, now: number, graceMs: number): void {
    this.session.sendCancel(this.channel, reason)
    this.on('cancel')
    this.expect(now, graceMs, Number.POSITIVE_INFINITY)
  }

  /** Takes it away at once from a provider that fails it. */
  revoke(reason: string): void {
    this.session.sendCancel(this.channel, reason)
    this.on('timeout')
  }

  /** Takes received bytes out of the window; false when the provider sent more than it may. */
  spendWindow(bytes: number): boolean {
    this.#windowLeft -= bytes
    return this.#windowLeft >= 0
  }

  /** The whole window is used: the provider may send nothing until the client takes something. */
  get starved(): boolean {
    return this.#state === 'answering' && this.#windowLeft <= 0
  }

  /** Gives bytes back that the client has taken. */
  returnWindow(bytes: number): void {
    this.#unreturned += bytes
    if (this.#unreturned < CREDIT_STEP_BYTES || this.#state !== 'answering') return
    this.#windowLeft += this.#unreturned
    this.session.sendCredit(this.channel, this.#unreturned)
    this.#unreturned = 0
  }
}
