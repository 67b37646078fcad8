import type { EngineRequest, EngineRun, EngineSink } from '../engine.ts'
import { SilenceWatch } from '../silence-watch.ts'

export interface SilentCallsOptions {
  /** From so much silence on, in ms, an engine may be stuck. Less than an edge waits for a stream, which is 60 s. */
  readonly stuckMs: number
  /** In ms. */
  readonly now: () => number
  /**
   * Asks whether this model still answers: a stream of it was given up on, after its server had said nothing for so long.
   * Never rejects.
   */
  readonly stillAnswers: (model: string) => Promise<boolean>
  /** It does not. */
  readonly onStuck: (model: string) => void
}

/**
 * Notices a server that takes requests and answers none: a hung GPU leaves its list of models, and whatever else it says
 * of itself, as they were. Whole answers are not waited for: they come at their end.
 */
export class SilentCalls {
  readonly #options: SilentCallsOptions
  readonly #silence: SilenceWatch
  /** Models that are asked. */
  readonly #doubted = new Set<string>()

  constructor(options: SilentCallsOptions) {
    this.#options = options
    this.#silence = new SilenceWatch(options.now)
  }

  /** Begins a call by `begin`, and watches it. */
  watch<R extends EngineRun>(
    { stream, model }: Pick<EngineRequest, 'stream' | 'model'>,
    sink: EngineSink,
    begin: (sink: EngineSink) => R,
  ): EngineRun {
    if (!stream) return begin(sink)
    let isOver = false
    const over = (): void => {
      isOver = true
      wait.over()
    }
    const run = begin({
      data: (bytes, isFollowed) => {
        this.#silence.heard()
        sink.data(bytes, isFollowed)
      },
      finish: (reason) => {
        over()
        sink.finish(reason)
      },
      fail: (error) => {
        over()
        sink.fail(error)
      },
      holds: (bytes) => sink.holds?.(bytes),
    })
    // Nothing is said from within `begin`.
    const wait = this.#silence.wait()
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
        const isStuck = !isOver && this.#silence.silentMs >= this.#options.stuckMs
        over()
        run.abort()
        if (isStuck) void this.#doubt(model)
      },
      usage: () => run.usage(),
      evidence: () => run.evidence?.(),
    }
  }

  async #doubt(model: string): Promise<void> {
    if (this.#doubted.has(model)) return
    this.#doubted.add(model)
    const isThere = await this.#options.stillAnswers(model)
    this.#doubted.delete(model)
    if (!isThere) this.#options.onStuck(model)
  }
}
