import type { EngineRequest, EngineRun, EngineSink } from '../engine.ts'
import { SilenceWatch } from '../silence-watch.ts'

/** Watches the answers of one engine. Whole answers are not waited for here: they come at their end. */
export class RunWatch {
  readonly #silence: SilenceWatch

  /** `now` in ms. */
  constructor(now: () => number) {
    this.#silence = new SilenceWatch(now)
  }

  /** Begins a run by `begin`, and watches it. */
  begin(
    request: EngineRequest,
    sink: EngineSink,
    begin: (request: EngineRequest, sink: EngineSink) => EngineRun,
  ): EngineRun {
    const over = (): void => wait?.over()
    const run = begin(request, {
      data: (bytes, isFollowed) => {
        this.#silence.heard()
        sink.data(bytes, isFollowed)
      },
      holds: (bytes) => sink.holds?.(bytes),
      finish: (reason) => {
        over()
        sink.finish(reason)
      },
      fail: (error) => {
        over()
        sink.fail(error)
      },
    })
    const wait = request.stream ? this.#silence.wait() : undefined
    return {
      pause: () => {
        wait?.pause()
        run.pause()
      },
      resume: () => {
        wait?.resume()
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
    return this.#silence.silentMs
  }
}
