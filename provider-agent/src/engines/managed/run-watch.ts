import type { EngineRequest, EngineRun, EngineSink } from '../engine.ts'

interface WatchedRun {
  /** Since when it could have said something, in ms. */
  since: number
  isPaused: boolean
}

/**
 * Watches the answers of one engine. It may be slow with one of them; it is stuck when one is
 * waited for and none says anything. Whole answers are not waited for here: they come at their end.
 */
export class RunWatch {
  readonly #now: () => number
  readonly #runs = new Set<WatchedRun>()
  #lastByte = -Infinity

  /** `now` in ms. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Begins a run by `begin`, and watches it. */
  begin(
    request: EngineRequest,
    sink: EngineSink,
    begin: (request: EngineRequest, sink: EngineSink) => EngineRun,
  ): EngineRun {
    const watched: WatchedRun = { since: this.#now(), isPaused: false }
    const over = (): void => void this.#runs.delete(watched)
    const run = begin(request, {
      data: (bytes) => {
        this.#lastByte = this.#now()
        sink.data(bytes)
      },
      finish: (reason) => {
        over()
        sink.finish(reason)
      },
      fail: (error) => {
        over()
        sink.fail(error)
      },
    })
    if (request.stream) this.#runs.add(watched)
    return {
      pause: () => {
        watched.isPaused = true
        run.pause()
      },
      resume: () => {
        watched.isPaused = false
        watched.since = this.#now()
        run.resume()
      },
      abort: () => {
        over()
        run.abort()
      },
      usage: () => run.usage(),
      evidence: () => run.evidence?.(),
    }
  }

  /** How long the engine has let an answer wait in silence, in ms; 0 where none waits. */
  get silentMs(): number {
    const waiting = [...this.#runs].filter(({ isPaused }) => !isPaused)
    const oldest = Math.min(...waiting.map(({ since }) => since))
    return Math.max(0, this.#now() - Math.max(oldest, this.#lastByte))
  }
}
