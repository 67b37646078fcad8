import { createHash, type Hash } from 'node:crypto'
import { FRAME, type FrameType } from '@infernet/schemas/frame'
import { MAX_DATA_BYTES } from '@infernet/schemas/limits'
import { encodeControl, type JobError, type JobHeader } from '@infernet/schemas/wire'
import {
  providerFault,
  type Evidence,
  type EngineRun,
  type EngineSink,
  type EngineUsage,
} from '../engines/engine.ts'
import type { Clock } from '../clock.ts'
import { ACCEPT_DELAY_MS } from '../limits.ts'
import type { Reservation } from './memory-budget.ts'
import { isFinal, moveJob, type JobEvent, type JobState } from './job-state.ts'

/** Where a job's frames go: the mux of the connection that brought it. */
export interface JobOutlet {
  write(type: FrameType, channel: number, payload: Uint8Array): void
  writeLazily(type: FrameType, channel: number, payload: Uint8Array, delayMs: number): void
}

/**
 * How a job ended, for the receipt and the log. Times in ms since the epoch; the end is so long after the start as it
 * took, whatever became of the clock.
 */
export interface JobOutcome {
  readonly header: JobHeader
  readonly state: JobState
  readonly finishReason: string
  readonly usage: EngineUsage
  readonly outputBytes: number
  readonly outputSha256: string
  readonly startedAt: number
  readonly endedAt: number
  /** From the job's arrival to its first byte, in ms; undefined when there was none. */
  readonly ttftMs: number | undefined
  readonly error: JobError | undefined
  /** What the engine can show of it. */
  readonly evidence: Evidence | undefined
}

/** Of the texts an engine supplies, what fits the wire's schema. */
const MAX_CODE_CHARS = 64
const MAX_MESSAGE_CHARS = 2_048
const MAX_REASON_CHARS = 32

const NO_USAGE: EngineUsage = { prompt_tokens: 0, completion_tokens: 0 }

export interface JobOptions {
  readonly header: JobHeader
  readonly channel: number
  readonly outlet: JobOutlet
  /** Bytes that may be under way to the edge. */
  readonly windowBytes: number
  readonly clock: Clock
  /** For what it holds; given back at its end. */
  readonly memory: Reservation
  /** Called once, when the job has reached a final state and its last frame is written. */
  readonly onOutcome: (outcome: JobOutcome) => void
}

/**
 * One lease in work: takes what the engine says, sends it as frames within the edge's credit, and
 * ends with exactly one `end` or `error`.
 */
export class Job implements EngineSink {
  readonly header: JobHeader
  /** Of the monotonic clock, in ms; after it the job fails. */
  readonly deadlineAt: number
  readonly #options: JobOptions
  readonly #startedAt: number
  /** The same moment, of the monotonic clock. */
  readonly #begunAt: number
  /** Made with the first bytes: before that the engine waits for its request. */
  #hash: Hash | undefined
  #state: JobState = 'waiting'
  #run: EngineRun | undefined
  /** Bytes that wait for credit; bounded by one engine read, or by one unstreamed answer. */
  #queue: Uint8Array[] = []
  #window: number
  #sentBytes = 0
  #ttftMs: number | undefined
  #congested = false
  #paused = false
  #finishReason = 'stop'

  constructor(options: JobOptions) {
    this.#options = options
    this.header = options.header
    this.#window = options.windowBytes
    this.#startedAt = options.clock.now()
    this.#begunAt = options.clock.monotonic()
    this.deadlineAt = this.#begunAt + options.header.deadline_ms
  }

  /** The engine's handle on this job, as soon as `begin` has returned it. */
  attach(run: EngineRun): void {
    this.#run = run
    this.#steer()
  }

  /** Tokens so far. */
  get usage(): EngineUsage {
    return this.#run?.usage() ?? NO_USAGE
  }

  get #elapsedMs(): number {
    return this.#options.clock.monotonic() - this.#begunAt
  }

  data(bytes: Uint8Array, isFollowed = false): void {
    if (bytes.length === 0 || !this.#move('data')) return
    if (this.#ttftMs === undefined) {
      this.#ttftMs = this.#elapsedMs
      const head = encodeControl({ ttft_ms: Math.max(0, Math.round(this.#ttftMs)) })
      this.#writeLazily(FRAME.head, head)
    }
    this.#queue.push(bytes)
    this.#send(isFollowed)
  }

  finish(finishReason: string): void {
    if (!this.#move('finish')) return
    this.#finishReason = finishReason.slice(0, MAX_REASON_CHARS)
    this.#send()
  }

  holds(bytes: number): void {
    if (isFinal(this.#state) || this.#options.memory.grow(bytes)) return
    this.abandon(providerFault('memory', 'the jobs of this provider hold all memory that they may'))
  }

  fail(error: JobError): void {
    if (this.#move('fail')) this.#close(error)
  }

  /** The client left, or the edge gave the job up. */
  cancel(): void {
    this.#stop('cancel', 'cancelled')
  }

  /** The connection is gone: nothing more can be delivered. */
  lose(): void {
    this.#stop('lose', 'lost')
  }

  /** Fails the job when its time is up at `now`, of the monotonic clock. */
  checkDeadline(now: number): void {
    if (now < this.deadlineAt) return
    const seconds = this.header.deadline_ms / 1000
    this.abandon(providerFault('deadline', `the job was not finished within ${seconds} s`))
  }

  /** The agent gives the job up, for a reason that is not the client's. */
  abandon(error: JobError): void {
    if (!this.#move('abandon')) return
    this.#run?.abort()
    this.#close(error)
  }

  /** The edge has passed `bytes` on. More than it ever owed is ignored. */
  credit(bytes: number): void {
    this.#window = Math.min(this.#options.windowBytes, this.#window + bytes)
    this.#send()
  }

  /** Whether the shared socket is full, which pauses every job's engine. */
  setCongested(congested: boolean): void {
    this.#congested = congested
    this.#steer()
  }

  /** Sends what the window allows, ends the job when nothing is left, steers the engine. */
  #send(isFollowed = false): void {
    if (isFinal(this.#state)) return
    for (let next = this.#queue[0]; next !== undefined && this.#window > 0; next = this.#queue[0]) {
      const size = Math.min(next.length, this.#window, MAX_DATA_BYTES)
      if (size === next.length) this.#queue.shift()
      else this.#queue[0] = next.subarray(size)
      this.#window -= size
      this.#emit(size === next.length ? next : next.subarray(0, size), isFollowed)
    }
    if (this.#queue.length === 0 && this.#move('flushed')) this.#close(undefined)
    else this.#steer()
  }

  #emit(bytes: Uint8Array, isFollowed: boolean): void {
    this.#sentBytes += bytes.length
    if (isFollowed || !this.header.stream) this.#writeLazily(FRAME.data, bytes)
    else this.#write(FRAME.data, bytes)
    // Behind the frame, which may have left by now.
    this.#hash ??= createHash('sha256')
    this.#hash.update(bytes)
  }

  #steer(): void {
    const paused = this.#congested || this.#queue.length > 0 || this.#window <= 0
    if (paused === this.#paused || this.#run === undefined || isFinal(this.#state)) return
    this.#paused = paused
    if (paused) this.#run.pause()
    else this.#run.resume()
  }

  #stop(event: 'cancel' | 'lose', finishReason: string): void {
    if (!this.#move(event)) return
    this.#run?.abort()
    this.#finishReason = finishReason
    this.#close(undefined)
  }

  /** Writes the last frame and reports the outcome. The state is already final. */
  #close(error: JobError | undefined): void {
    this.#queue = []
    this.#options.memory.free()
    const { estimated, ...usage } = this.usage
    const outputSha256 = (this.#hash ?? createHash('sha256')).digest('hex')
    const finishReason = error === undefined ? this.#finishReason : 'error'
    if (error !== undefined) this.#write(FRAME.error, encodeControl(clip(error)))
    else if (this.#state !== 'lost') {
      const end = { usage, finish_reason: finishReason, output_sha256: outputSha256 }
      this.#write(FRAME.end, encodeControl(end))
    }
    this.#options.onOutcome({
      header: this.header,
      state: this.#state,
      finishReason,
      usage: estimated === undefined ? usage : { ...usage, estimated },
      outputBytes: this.#sentBytes,
      outputSha256,
      startedAt: this.#startedAt,
      endedAt: this.#startedAt + this.#elapsedMs,
      ttftMs: this.#ttftMs,
      error,
      evidence: this.#run?.evidence?.(),
    })
  }

  #write(type: FrameType, payload: Uint8Array): void {
    const { outlet, channel } = this.#options
    outlet.write(type, channel, payload)
  }

  /** For what something else follows at once. */
  #writeLazily(type: FrameType, payload: Uint8Array): void {
    const { outlet, channel } = this.#options
    outlet.writeLazily(type, channel, payload, ACCEPT_DELAY_MS)
  }

  #move(event: JobEvent): boolean {
    const next = moveJob(this.#state, event)
    if (next === undefined) return false
    this.#state = next
    return true
  }
}

const clip = (error: JobError): JobError => ({
  ...error,
  code: error.code.slice(0, MAX_CODE_CHARS),
  message: error.message.slice(0, MAX_MESSAGE_CHARS),
  ...(error.param === undefined ? {} : { param: error.param?.slice(0, 256) ?? null }),
})
