import { formatSat, msat } from '@infernet/schemas/money'
import type { AgentEvent } from '../events.ts'
import { dutyAfter, isWedged, type LinkDuty } from './liveness.ts'
import type { SdNotify } from './sd-notify.ts'

/**
 * Tells systemd how the agent is, by its events: ready when it first dials, for an edge that is away is
 * no fault of the agent; alive while the event loop turns and the connection does what it must.
 */
export class ServiceWatch {
  readonly #notify: SdNotify
  /** Monotonic, in ms: a clock that is set must not kill the agent. */
  readonly #now: () => number
  readonly #timer: NodeJS.Timeout | undefined
  #duty: LinkDuty
  #isReady = false
  #state = 'starting'
  #jobs = 0
  #earnedMsat = 0
  #told = ''

  constructor(notify: SdNotify, now: () => number) {
    this.#notify = notify
    this.#now = now
    if (notify.beatMs === undefined) return
    this.#timer = setInterval(() => this.#beat(), notify.beatMs).unref()
  }

  /** Takes notice of an event. */
  saw(event: AgentEvent): void {
    if (this.#notify.beatMs === undefined) return
    this.#duty = dutyAfter(this.#duty, event, this.#now())
    if (event.event === 'job_done') {
      this.#jobs++
      this.#earnedMsat += event.earned_msat
      return
    }
    const state = stateAfter(event)
    if (state === undefined) return
    this.#state = state
    this.#tell()
    if (event.event === 'connecting' && !this.#isReady) {
      this.#isReady = true
      this.#notify.ready()
    }
    if (event.event === 'draining' || event.event === 'stopped') this.#notify.stopping()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #beat(): void {
    if (isWedged(this.#duty, this.#now()))
      this.#state = 'the connection is stuck: systemd restarts the agent'
    else this.#notify.beat()
    this.#tell()
  }

  /** The numbers change with every job, and are told with the next beat. */
  #tell(): void {
    const earned = formatSat(msat(this.#earnedMsat))
    const done = this.#jobs === 0 ? '' : `; ${this.#jobs} jobs done, ${earned} sat`
    const text = `${this.#state}${done}`
    if (text !== this.#told) this.#notify.status(text)
    this.#told = text
  }
}

function stateAfter(event: AgentEvent): string | undefined {
  switch (event.event) {
    case 'engine_starting':
      return `starting ${event.engine}`
    case 'connecting':
      return `connecting to ${event.edge}`
    case 'connected':
      return `connected to ${event.edge}`
    case 'disconnected':
      return `not connected: ${event.reason}; ${event.next_step}`
    case 'gave_up':
      return `gave up: ${event.reason}; ${event.next_step}`
    case 'draining':
      return `finishing ${event.running} jobs`
    case 'stopped':
      return 'stopped'
    default:
      return undefined
  }
}
