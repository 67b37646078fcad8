import type { EngineRequest, EngineRun, EngineSink } from '../engine.ts'
import { SilenceWatch } from '../silence-watch.ts'
import { judgeUnanswered, questionMs, type StuckBounds } from './stuck-rule.ts'

export interface SilentCallsOptions {
  readonly bounds: StuckBounds
  /** In ms. */
  readonly now: () => number
  /** Resolves after so many ms, or when `signal` says so. Never rejects. */
  readonly sleep: (ms: number) => Promise<void>
  /** Nothing is asked any more. */
  readonly signal: AbortSignal
  /**
   * Asks whether this model still answers, within so many ms: a stream of it was given up on, after its server had said
   * nothing for long. Never rejects.
   */
  readonly stillAnswers: (model: string, answerMs: number) => Promise<boolean>
  /** It does not. */
  readonly onStuck: (model: string) => void
}

/**
 * Notices a server that takes requests and answers none: a hung GPU leaves its list of models, and whatever else it says
 * of itself, as they were. Whole answers are not waited for: they come at their end. A question may wait behind them, and
 * behind streams: `stuck-rule.ts` says what it means that it is left unanswered.
 */
export class SilentCalls {
  readonly #options: SilentCallsOptions
  readonly #silence: SilenceWatch
  /** Models that are asked. */
  readonly #doubted = new Set<string>()
  /** By model, how often it has said something for a job. */
  readonly #said = new Map<string, number>()
  #heardAt = -Infinity
  /** Jobs that may be computed without a word: whole answers, and streams that nobody reads. */
  readonly #unheard = new Set<object>()

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
    let isOver = false
    const job = {}
    const over = (): void => {
      isOver = true
      wait?.over()
      this.#unheard.delete(job)
    }
    const run = begin({
      data: (bytes, isFollowed) => {
        this.#heard(model)
        sink.data(bytes, isFollowed)
      },
      finish: (reason) => {
        over()
        this.#heard(model)
        sink.finish(reason)
      },
      fail: (error) => {
        over()
        sink.fail(error)
      },
      holds: (bytes) => sink.holds?.(bytes),
    })
    // Nothing is said from within `begin`.
    const wait = stream ? this.#silence.wait() : undefined
    if (!stream) this.#unheard.add(job)
    return {
      pause: () => {
        wait?.pause()
        if (!isOver) this.#unheard.add(job)
        run.pause()
      },
      resume: () => {
        wait?.resume()
        if (stream) this.#unheard.delete(job)
        run.resume()
      },
      abort: () => {
        const isStuck = stream && !isOver && this.#silence.silentMs >= this.#options.bounds.silentMs
        over()
        run.abort()
        if (isStuck) void this.#doubt(model)
      },
      usage: () => run.usage(),
      evidence: () => run.evidence?.(),
    }
  }

  #heard(model: string): void {
    this.#silence.heard()
    this.#heardAt = this.#options.now()
    this.#said.set(model, this.#saidBy(model) + 1)
  }

  #saidBy(model: string): number {
    return this.#said.get(model) ?? 0
  }

  async #doubt(model: string): Promise<void> {
    if (this.#doubted.has(model)) return
    this.#doubted.add(model)
    const isStuck = await this.#isStuck(model)
    this.#doubted.delete(model)
    if (isStuck) this.#options.onStuck(model)
  }

  /** Asks until that is known. */
  async #isStuck(model: string): Promise<boolean> {
    const { bounds, now, signal, sleep, stillAnswers } = this.#options
    const since = now()
    const before = this.#saidBy(model)
    for (let questions = 1; !signal.aborted; questions++) {
      if (await stillAnswers(model, questionMs(questions, bounds))) return false
      const verdict = judgeUnanswered(
        {
          questions,
          hasMoved: this.#saidBy(model) > before,
          heardMs: now() - this.#heardAt,
          unheard: this.#unheard.size,
          doubtMs: now() - since,
        },
        bounds,
      )
      if (verdict !== 'doubtful') return verdict === 'stuck'
      await sleep(bounds.pauseMs)
    }
    return false
  }
}
