import { FRAME } from '@infernet/schemas/frame'
import { madeAt } from '@infernet/schemas/ids'
import { decodeJob, encodeControl, type Busy, type JobHeader } from '@infernet/schemas/wire'
import type { Clock } from '../clock.ts'
import { faultOf, providerFault, type Engine, type EngineUsage } from '../engines/engine.ts'
import { ACCEPT_DELAY_MS, BUSY_RETRY_MS } from '../limits.ts'
import { jobBytes } from './job-memory.ts'
import type { MemoryBudget } from './memory-budget.ts'
import { Job, type JobOutcome, type JobOutlet } from './job.ts'

const EMPTY = new Uint8Array(0)

/** Why a job was not taken. The edge is told of `memory` as of slots: no room now, and somebody else may have some. */
export type BusyReason = Busy['reason'] | 'memory'

/** The edge used a channel that is still taken: the connection cannot be trusted any more. */
export class ChannelTakenError extends Error {
  override readonly name = 'ChannelTakenError'
  readonly code = 'channel_taken'
}

export interface JobsOptions {
  readonly engine: Engine
  readonly outlet: JobOutlet
  /** Jobs that may run at once now. */
  readonly slots: () => number
  /** Of them those of one model. */
  readonly slotsPerModel: () => number
  /** Whether the owner lets new jobs in now; absent: always. */
  readonly isOpen?: () => boolean
  readonly windowBytes: number
  readonly clock: Clock
  readonly memory: MemoryBudget
  /** Called at the end of a job's last turn, and at once where all jobs are given up. */
  readonly onOutcome: (outcome: JobOutcome) => void
  readonly onBusy: (reason: BusyReason, model: string) => void
}

/** The jobs of one connection, by channel. A new connection begins with a new set. */
export class Jobs {
  readonly #options: JobsOptions
  readonly #byChannel = new Map<number, Job>()
  /** Outcomes of this turn: nobody is told before their frames have left. */
  readonly #ended: JobOutcome[] = []
  #draining = false
  #congested = false
  readonly #awaitIdle = new Set<() => void>()

  constructor(options: JobsOptions) {
    this.#options = options
  }

  get running(): number {
    return this.#byChannel.size
  }

  /** Tokens that the running jobs have written so far. */
  get written(): number {
    return this.#sumOf(({ completion_tokens: written }) => written)
  }

  /** Tokens that the running jobs have read and written so far. */
  get held(): number {
    return this.#sumOf((usage) => usage.prompt_tokens + usage.completion_tokens)
  }

  /** From now on every new job is answered `busy`. */
  drain(): void {
    this.#draining = true
  }

  /** Resolves when no job runs, or after `timeoutMs`. */
  async idle(timeoutMs: number): Promise<void> {
    if (this.#byChannel.size === 0 && this.#ended.length === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, timeoutMs)
    this.#awaitIdle.add(resolve)
    await promise
    this.#awaitIdle.delete(resolve)
    clearTimeout(timer)
  }

  /**
   * Takes a job in: `accept` and begin, or `busy` at once. Throws `WireError` for a malformed
   * payload, {@link ChannelTakenError} for a channel in use.
   */
  open(channel: number, payload: Uint8Array): void {
    const { header, body } = decodeJob(payload)
    if (this.#byChannel.has(channel)) throw new ChannelTakenError(`channel ${channel} is taken`)
    const { engine, outlet, windowBytes, clock } = this.#options
    const refusal = this.#refusal(header)
    if (refusal !== undefined) return this.#refuse(channel, header, refusal)
    const memory = this.#options.memory.reserve(jobBytes(body.length))
    if (memory === undefined) return this.#refuse(channel, header, 'memory')
    outlet.writeLazily(FRAME.accept, channel, EMPTY, ACCEPT_DELAY_MS)
    const job = new Job({
      header,
      channel,
      outlet,
      windowBytes,
      clock,
      memory,
      onOutcome: (outcome) => {
        this.#byChannel.delete(channel)
        if (this.#ended.push(outcome) === 1) setImmediate(this.#tell)
      },
    })
    this.#byChannel.set(channel, job)
    if (this.#congested) job.setCongested(true)
    try {
      job.attach(engine.begin({ ...header, at: madeAt(header.job), body }, job))
    } catch (error) {
      job.fail(faultOf(error))
    }
  }

  /** Unknown and finished channels are ignored: the frames crossed on the way. */
  cancel(channel: number): void {
    this.#byChannel.get(channel)?.cancel()
  }

  /** Unknown and finished channels are ignored, as for `cancel`. */
  credit(channel: number, bytes: number): void {
    this.#byChannel.get(channel)?.credit(bytes)
  }

  /** Fails the jobs whose deadline is before `now`, of the monotonic clock. */
  sweep(now: number): void {
    for (const job of this.#byChannel.values()) job.checkDeadline(now)
  }

  setCongested(congested: boolean): void {
    this.#congested = congested
    for (const job of this.#byChannel.values()) job.setCongested(congested)
  }

  /** The agent stops: what still runs is given back to the edge. */
  abandonAll(): void {
    const error = providerFault('provider_stopping', 'the provider is shutting down')
    for (const job of this.#byChannel.values()) job.abandon(error)
    this.#tell()
  }

  /** The connection is gone. */
  loseAll(): void {
    for (const job of this.#byChannel.values()) job.lose()
    this.#tell()
  }

  readonly #tell = (): void => {
    for (const outcome of this.#ended.splice(0)) this.#options.onOutcome(outcome)
    if (this.#byChannel.size === 0) for (const resolve of this.#awaitIdle) resolve()
  }

  #sumOf(tokens: (usage: EngineUsage) => number): number {
    let sum = 0
    for (const job of this.#byChannel.values()) sum += tokens(job.usage)
    return sum
  }

  #refuse(channel: number, { model }: JobHeader, reason: BusyReason): void {
    const told = reason === 'memory' ? 'slots' : reason
    const busy: Busy = { reason: told, retry_after_ms: BUSY_RETRY_MS }
    this.#options.outlet.write(FRAME.busy, channel, encodeControl(busy))
    this.#options.onBusy(reason, model)
  }

  #refusal({ model, endpoint }: JobHeader): Busy['reason'] | undefined {
    if (this.#draining) return 'draining'
    const offer = this.#options.engine.models.find(({ id }) => id === model)
    if (offer?.endpoints.includes(endpoint) !== true) return 'model_unavailable'
    const { slots, slotsPerModel, isOpen } = this.#options
    const isFull = this.#byChannel.size >= slots() || this.#runningOf(model) >= slotsPerModel()
    return isFull || isOpen?.() === false ? 'slots' : undefined
  }

  #runningOf(model: string): number {
    let count = 0
    for (const { header } of this.#byChannel.values()) if (header.model === model) count++
    return count
  }
}
