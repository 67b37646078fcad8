import { setTimeout as sleep } from 'node:timers/promises'
import type { LeashedProcess, ProcessEnd } from './leash.ts'
import { failuresAfter, restartDelay } from './restart-policy.ts'
import { moveSupervisor, type SupervisorEvent, type SupervisorState } from './supervisor-state.ts'

/** All in ms. */
export interface SupervisorLimits {
  /** From the start to the first answer: 100 GB from a slow disk. */
  readonly startMs: number
  /** Between looks at an engine that starts, and at one that is up. */
  readonly startPollMs: number
  readonly pollMs: number
  /** That an engine which is up may not answer to looks. */
  readonly deafMs: number
  /** That it may let an answer wait in silence. Less than what a call waits for, which is 300 s. */
  readonly silentMs: number
  /** Between SIGTERM and SIGKILL. */
  readonly stopMs: number
}

export const SUPERVISOR_LIMITS: SupervisorLimits = {
  startMs: 15 * 60_000,
  startPollMs: 100,
  pollMs: 2_000,
  deafMs: 30_000,
  silentMs: 280_000,
  stopMs: 10_000,
}

/** An engine that ended without being asked. */
export interface EngineFall extends ProcessEnd {
  /** Until it is started again. */
  readonly retryMs: number
}

export interface SupervisorOptions {
  /** Starts the engine. */
  readonly launch: () => LeashedProcess
  /** Asks it whether it can answer. Never rejects. */
  readonly isHealthy: (signal: AbortSignal) => Promise<boolean>
  /** How long it has let an answer wait, in ms. */
  readonly silentMs: () => number
  readonly limits: SupervisorLimits
  readonly random: () => number
  /** In ms. */
  readonly now: () => number
  /** It answers, so many ms after its start. */
  readonly onUp: (ms: number) => void
  /** It is gone, and will be started again. Not when it never came up the first time. */
  readonly onDown: (fall: EngineFall) => void
}

/** Keeps an engine running: starts it, watches it, and starts it again. */
export class EngineSupervisor {
  readonly #options: SupervisorOptions
  readonly #firstUp = Promise.withResolvers<ProcessEnd | undefined>()
  readonly #stopped = Promise.withResolvers<void>()
  #state: SupervisorState = 'waiting'
  #process: LeashedProcess | undefined
  #watching = new AbortController()
  #startedAt = 0
  #upAt: number | undefined
  #wasUp = false
  #failures = 0
  /** Why it was killed. */
  #verdict: string | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  get isUp(): boolean {
    return this.#state === 'up'
  }

  /** Resolves when the engine is up, or with how it ended before that; then it is not started again. */
  start(): Promise<ProcessEnd | undefined> {
    this.#launch()
    return this.#firstUp.promise
  }

  /** SIGTERM, then SIGKILL. Resolves when nothing of the engine is left. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    if (this.#move('stop')) {
      this.#watching.abort()
      if (this.#state === 'stopped') this.#stopped.resolve()
      else this.#end()
    }
    await this.#stopped.promise
  }

  #end(): void {
    this.#process?.terminate()
    this.#timer = setTimeout(() => this.#process?.kill(), this.#options.limits.stopMs)
  }

  #launch(): void {
    if (!this.#move('retry')) return
    this.#startedAt = this.#options.now()
    this.#upAt = undefined
    this.#verdict = undefined
    this.#watching = new AbortController()
    const process = this.#options.launch()
    this.#process = process
    void process.ended.then((end) => this.#ended(end))
    void this.#watch(this.#watching.signal)
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { isHealthy, limits, now, silentMs } = this.#options
    let heardAt = now()
    while (!signal.aborted) {
      const isUp = this.isUp
      const isHealthyNow = await isHealthy(signal)
      if (signal.aborted) return
      if (isHealthyNow) {
        heardAt = now()
        if (this.#move('healthy')) this.#up()
      }
      const deaf = now() - heardAt
      if (deaf > (isUp ? limits.deafMs : limits.startMs)) {
        return this.#hang(`has not answered for ${seconds(deaf)} s`)
      }
      if (silentMs() > limits.silentMs) {
        return this.#hang(`has let an answer wait for ${seconds(silentMs())} s`)
      }
      await sleep(this.isUp ? limits.pollMs : limits.startPollMs, undefined, { signal }).catch(
        () => {},
      )
    }
  }

  #up(): void {
    const { now, onUp } = this.#options
    this.#upAt = now()
    this.#wasUp = true
    this.#firstUp.resolve(undefined)
    onUp(this.#upAt - this.#startedAt)
  }

  #hang(verdict: string): void {
    if (!this.#move('hung')) return
    this.#verdict = verdict
    this.#process?.kill()
  }

  #ended({ code, reason }: ProcessEnd): void {
    const { now, onDown, random } = this.#options
    this.#watching.abort()
    this.#process = undefined
    if (!this.#move('exited')) return
    const end =
      this.#verdict === undefined
        ? { code, reason }
        : { code: undefined, reason: `${this.#verdict}, and was killed` }
    if (!this.#wasUp) this.#firstUp.resolve(end)
    if (this.#state === 'stopped') {
      clearTimeout(this.#timer)
      return this.#stopped.resolve()
    }
    if (!this.#wasUp) return
    this.#failures = failuresAfter(
      this.#failures,
      this.#upAt === undefined ? 0 : now() - this.#upAt,
    )
    const retryMs = restartDelay(this.#failures, random())
    this.#timer = setTimeout(() => this.#launch(), retryMs)
    onDown({ ...end, retryMs })
  }

  #move(event: SupervisorEvent): boolean {
    const next = moveSupervisor(this.#state, event)
    if (next !== undefined) this.#state = next
    return next !== undefined
  }
}

const seconds = (ms: number): number => Math.round(ms / 1000)
