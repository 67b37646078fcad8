import { judgeSilence } from './hang-rule.ts'
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
  /** Of silence, in sum over jobs, until it is asked for a sign of life, and until it hangs (`hang-rule.ts`). */
  readonly doubtMs: number
  readonly silentMs: number
  /** Between SIGTERM and SIGKILL. */
  readonly stopMs: number
}

export const SUPERVISOR_LIMITS: SupervisorLimits = {
  startMs: 15 * 60_000,
  startPollMs: 100,
  pollMs: 2_000,
  deafMs: 30_000,
  doubtMs: 45_000,
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
  /** How long it has let answers wait since its last sign of life, in ms. */
  readonly silentMs: () => number
  /** Asks it for a sign of life, and resolves when it has given one or is not waited for any more. Never rejects. */
  readonly prove: (signal: AbortSignal) => Promise<void>
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
  /** Since when it leaves questions for a sign of life unanswered. */
  #askedAt: number | undefined
  #isProving = false
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

  /**
   * Ends the engine, as `stop` does, until it is woken. Resolves when nothing of the process is left
   * that ran. Only after `start` has resolved; after `stop` it does nothing.
   */
  async rest(): Promise<void> {
    const { ended } = this.#process ?? {}
    if (this.#move('rest')) {
      clearTimeout(this.#timer)
      this.#watching.abort()
      this.#end()
    }
    await ended
  }

  /** Starts it again after `rest`, as soon as it has ended; a start that fails is tried again. */
  wake(): void {
    if (this.#move('wake')) this.#launch()
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
    const process = this.#process
    if (process === undefined) return
    process.terminate()
    this.#timer = setTimeout(() => process.kill(), this.#options.limits.stopMs)
  }

  #launch(): void {
    if (!this.#move('retry')) return
    this.#startedAt = this.#options.now()
    this.#upAt = undefined
    this.#verdict = undefined
    this.#askedAt = undefined
    this.#isProving = false
    this.#watching = new AbortController()
    const process = this.#options.launch()
    this.#process = process
    void process.ended.then((end) => this.#ended(end))
    void this.#watch(this.#watching.signal)
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { isHealthy, limits, now } = this.#options
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
      if (this.#isHung(signal)) return
      await wait(this.isUp ? limits.pollMs : limits.startPollMs, signal)
    }
  }

  /** Asks an engine that is long silent for a sign of life; true when it has hung, and is killed. */
  #isHung(signal: AbortSignal): boolean {
    const { limits, now, silentMs } = this.#options
    const silence = silentMs()
    const asked = this.#askedAt === undefined ? 0 : now() - this.#askedAt
    const verdict = judgeSilence(silence, asked, limits)
    if (verdict === 'sound') this.#askedAt = undefined
    else if (verdict === 'hung') this.#hang(`has let an answer wait for ${seconds(silence)} s`)
    else if (this.isUp) {
      // A question that was out when something was heard counts anew: it is not asked a second time.
      this.#askedAt ??= now()
      if (!this.#isProving) void this.#prove(signal)
    }
    return verdict === 'hung'
  }

  async #prove(signal: AbortSignal): Promise<void> {
    this.#isProving = true
    await this.#options.prove(signal)
    // By now another may run, and be asked.
    if (!signal.aborted) this.#isProving = false
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
    const was = this.#state
    this.#watching.abort()
    this.#process = undefined
    if (!this.#move('exited')) return
    // That it ended is no failure.
    if (was === 'leaving' || was === 'returning') {
      clearTimeout(this.#timer)
      return this.#launch()
    }
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

/** So many ms, or until `signal`. */
function wait(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  const end = (): void => {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
    resolve()
  }
  const timer = setTimeout(end, ms)
  signal.addEventListener('abort', end)
  return promise
}
