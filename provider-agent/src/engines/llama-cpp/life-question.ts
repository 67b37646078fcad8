import type { HangWatch } from '../managed/hang-watch.ts'
import type { Waiting } from '../silence-watch.ts'

/** What the owner hears when it is not answered. */
export const UNANSWERED =
  'llama.cpp leaves requests unanswered, a question of one token too, and is not offered before it answers; ' +
  'if it stays like that, it is started again'

export interface LifeQuestionOptions {
  readonly hang: HangWatch
  /** From so much silence on, in ms, nothing else has come either. */
  readonly doubtMs: number
  /** Until a question counts as not answered, in ms. */
  readonly answerMs: number
  /** Asks the child for a token. */
  readonly ask: () => void
  /** It is not answered. */
  readonly onUnanswered: () => void
  /** It is, after all, or something else has come. */
  readonly onAnswered: () => void
}

/**
 * Asks a child for a token, which its threads that compute have to give: the one that answers `ping` is another. Where it
 * has no place free, it says when it has computed anything. The question is waited for like an answer: while nothing is
 * offered there are no others.
 */
export class LifeQuestion {
  readonly #options: LifeQuestionOptions
  #answered = (): void => {}
  #wait: Waiting | undefined
  #isPaused = false
  /** Its owner has heard that it is not answered. */
  #isMissed = false

  constructor(options: LifeQuestionOptions) {
    this.#options = options
  }

  /** Resolves when it is answered, or when `signal` ends the wait. */
  async ask(signal: AbortSignal): Promise<void> {
    const { answerMs, ask, doubtMs, hang, onUnanswered } = this.#options
    const { promise, resolve } = Promise.withResolvers<void>()
    const end = (): void => {
      // At once: what is heard next comes from another child.
      this.#isMissed = false
      resolve()
    }
    signal.addEventListener('abort', end)
    this.#answered = resolve
    const wait = hang.wait()
    this.#wait = wait
    this.pause(this.#isPaused)
    const timer = setInterval(() => {
      if (this.#isMissed || this.#isPaused || hang.silentMs <= doubtMs) return
      this.#isMissed = true
      onUnanswered()
    }, answerMs)
    ask()
    await promise
    signal.removeEventListener('abort', end)
    clearInterval(timer)
    wait.over()
  }

  /** While all answers are paused nobody waits for the question either: they may hold all that it could be answered with. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused
    if (isPaused) this.#wait?.pause()
    else this.#wait?.resume()
  }

  /** The child has shown that it computes, by the token or by anything else. */
  heard(): void {
    if (!this.#isMissed) return
    this.#isMissed = false
    this.#options.onAnswered()
  }

  /** The token has come. */
  answered(): void {
    this.#answered()
  }
}
