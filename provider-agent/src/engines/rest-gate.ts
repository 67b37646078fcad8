import type { EngineRequest, EngineRun, EngineSink } from './engine.ts'

/** Begins to answer, as an engine does. */
type Begin = (request: EngineRequest, sink: EngineSink) => EngineRun

/** Counts what an engine works on, so that it rests when the last of it is over. */
export class RestGate {
  #isShut = false
  #working = 0
  #waiting: (() => void)[] = []

  /** The engine rests, or will when its work is over: nothing new may begin. */
  get isShut(): boolean {
    return this.#isShut
  }

  /** It is shut, and the last of the work is over. */
  get isQuiet(): boolean {
    return this.#isShut && this.#working === 0
  }

  /** Begins an answer, and counts it until it has finished, failed or been aborted. */
  begin(request: EngineRequest, sink: EngineSink, begin: Begin): EngineRun {
    const over = this.#enter()
    try {
      const run = begin(request, {
        data: (bytes, isFollowed) => sink.data(bytes, isFollowed),
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
      return {
        pause: () => run.pause(),
        resume: () => run.resume(),
        abort: () => {
          over()
          run.abort()
        },
        usage: () => run.usage(),
        evidence: () => run.evidence?.(),
      }
    } catch (error) {
      over()
      throw error
    }
  }

  /** Does work of another kind, and counts it. */
  async count<T>(work: () => Promise<T>): Promise<T> {
    const over = this.#enter()
    try {
      return await work()
    } finally {
      over()
    }
  }

  /** Shuts at once. Resolves when nothing is in work, or the gate was opened or closed: look at `isQuiet`. */
  async shut(): Promise<void> {
    this.#isShut = true
    if (this.#working === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push(resolve)
    await promise
  }

  open(): void {
    this.#isShut = false
    this.#letGo()
  }

  /** The engine ends: nobody waits any more for what it works on. */
  close(): void {
    this.#isShut = true
    this.#letGo()
  }

  #enter(): () => void {
    let isOver = false
    this.#working++
    return () => {
      if (isOver) return
      isOver = true
      if (--this.#working === 0) this.#letGo()
    }
  }

  #letGo(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
