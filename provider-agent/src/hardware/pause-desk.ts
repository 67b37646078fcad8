import type { Engine } from '../engines/engine.ts'
import type { EventLog } from '../events.ts'
import { CLOSED_WORDS, type Availability } from './availability.ts'
import { awakeSince, restAfter, type RestState } from './rest-rule.ts'

export interface PauseDeskOptions {
  /** Absent: jobs may come in at all times. */
  readonly availability: Availability | undefined
  readonly engine: Pick<Engine, 'kind' | 'models' | 'rest' | 'wake'>
  readonly events: EventLog
}

/** A moment: of the owner's clock, in ms since the epoch, and of the monotonic one, in ms. */
export interface Moment {
  readonly at: number
  readonly now: number
}

/** Keeps the owner's pauses: tells of them, and gives the engine's memory back while they last. */
export class PauseDesk {
  readonly #options: PauseDeskOptions
  /** The owner has been told that no jobs come in. */
  #isPaused = false
  #rest: RestState = awakeSince(0)
  /** How often it was asked to. */
  #rests = 0
  /** The owner has been told that the engine rests. */
  #isToldResting = false
  #isLeft = false

  constructor(options: PauseDeskOptions) {
    this.#options = options
  }

  /** Whether jobs may come in. */
  get isOpen(): boolean {
    return this.#options.availability?.closedBy === undefined
  }

  /** The engine has no models, because it is to have none. */
  get isResting(): boolean {
    return this.#rest.isResting
  }

  /** The engine has been started. */
  start({ at, now }: Moment): void {
    this.#rest = awakeSince(now)
    this.#options.availability?.start(at)
    this.#announce()
  }

  /** Whether jobs may come in has changed by now; call it a few times a second. `working`: what is in work for the edge. */
  tick({ at, now }: Moment, working: number): boolean {
    const { availability } = this.#options
    if (availability === undefined) return false
    const hasChanged = availability.tick(at, working + (this.#isStarting ? 1 : 0))
    if (hasChanged) this.#announce()
    if (!availability.keepsLoaded) this.#follow(now, working > 0)
    return hasChanged
  }

  /** From now on the engine is left as it is: the agent is about to end. */
  leave(): void {
    this.#isLeft = true
  }

  close(): void {
    this.#isLeft = true
    this.#options.availability?.close()
  }

  /** An engine of ours that loads a model has a GPU busy, and is not somebody else. */
  get #isStarting(): boolean {
    const { rest, models } = this.#options.engine
    return rest !== undefined && models.length === 0 && !this.#rest.isResting
  }

  /** The owner reads why no jobs come. That they may come in at first is no news. */
  #announce(): void {
    const { availability, events } = this.#options
    const why = availability?.closedBy
    if (why !== undefined) events.emit({ event: 'paused', why, message: CLOSED_WORDS[why] })
    else if (this.#isPaused) events.emit({ event: 'resumed' })
    this.#isPaused = why !== undefined
  }

  #follow(now: number, isWorking: boolean): void {
    const { availability, engine } = this.#options
    if (engine.rest === undefined || this.#isLeft) return
    const was = this.#rest
    this.#rest = restAfter(was, { now, isWorking, closedBy: availability?.closedBy })
    if (this.#rest.isResting && !was.isResting) void this.#giveBack()
    else if (was.isResting && !this.#rest.isResting) this.#takeBack()
  }

  async #giveBack(): Promise<void> {
    const { engine, events } = this.#options
    const rest = ++this.#rests
    await engine.rest?.()
    // It may have been woken meanwhile, and even be asked to rest anew.
    if (!this.#rest.isResting || rest !== this.#rests || this.#isLeft) return
    this.#isToldResting = true
    events.emit({ event: 'resting', engine: engine.kind })
  }

  #takeBack(): void {
    const { engine, events } = this.#options
    if (this.#isToldResting) events.emit({ event: 'waking', engine: engine.kind })
    this.#isToldResting = false
    engine.wake?.()
  }
}
