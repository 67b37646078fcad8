import type { HangWatch } from '../managed/hang-watch.ts'

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
  /** It is, after all. */
  readonly onAnswered: () => void
}

/**
 * Asks a child for a token, which its threads that compute have to give: the one that answers `ping` is another. The
 * question is waited for like an answer: while nothing is offered there are no others.
 */
export class LifeQuestion {
  readonly #options: LifeQuestionOptions
  #answered = (): void => {}

  constructor(options: LifeQuestionOptions) {
    this.#options = options
  }

  /** Resolves when it is answered, or when `signal` ends the wait. */
  async ask(signal: AbortSignal): Promise<void> {
    const { answerMs, ask, doubtMs, hang, onAnswered, onUnanswered } = this.#options
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const end = (): void => resolve(false)
    signal.addEventListener('abort', end)
    this.#answered = () => resolve(true)
    const wait = hang.wait()
    let isMissed = false
    const timer = setInterval(() => {
      if (isMissed || hang.silentMs <= doubtMs) return
      isMissed = true
      onUnanswered()
    }, answerMs)
    ask()
    const isAnswered = await promise
    signal.removeEventListener('abort', end)
    clearInterval(timer)
    wait.over()
    if (isMissed && isAnswered) onAnswered()
  }

  /** The token has come. */
  answered(): void {
    this.#answered()
  }
}
