import type { EngineRequest, EngineRun, EngineSink } from '../engine.ts'
import type { HangWatch } from './hang-watch.ts'

/** Has the answers of one engine waited for. Of whole ones only the end is heard. */
export class RunWatch {
  readonly #hang: HangWatch

  constructor(hang: HangWatch) {
    this.#hang = hang
  }

  /** Begins a run by `begin`, and watches it. */
  begin(
    request: EngineRequest,
    sink: EngineSink,
    begin: (request: EngineRequest, sink: EngineSink) => EngineRun,
  ): EngineRun {
    const run = begin(request, {
      data: (bytes, isFollowed) => {
        this.#hang.heard()
        sink.data(bytes, isFollowed)
      },
      holds: (bytes) => sink.holds?.(bytes),
      finish: (reason) => {
        this.#hang.heard()
        wait.over()
        sink.finish(reason)
      },
      fail: (error) => {
        wait.over()
        sink.fail(error)
      },
    })
    // Nothing is said from within `begin`.
    const wait = this.#hang.wait()
    return {
      pause: () => {
        wait.pause()
        run.pause()
      },
      resume: () => {
        wait.resume()
        run.resume()
      },
      abort: () => {
        wait.over()
        run.abort()
      },
      usage: () => run.usage(),
      evidence: () => run.evidence?.(),
    }
  }
}
