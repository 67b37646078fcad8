import type { Readable, Writable } from 'node:stream'
import { CANCEL_SYMBOL, confirm, select, text } from '@clack/prompts'
import { EXIT, OwnerError } from '../exit-codes.ts'

/** Where answers are typed, and questions shown. */
export interface QuestionRim {
  readonly input: Readable
  readonly output: Writable
  /** Leaves the question that waits, and all that come after it. */
  readonly signal: AbortSignal
}

/** One of several answers. */
export interface Answer<T> {
  readonly value: T
  readonly label: string
}

/** Says what is wrong with an answer; undefined where nothing is. */
export type Fault = (text: string) => string | undefined

/** Questions to the owner at a terminal. Each throws OwnerError where it is left, by Ctrl-C or the signal. */
export class Questions {
  readonly #rim: QuestionRim

  constructor(rim: QuestionRim) {
    this.#rim = rim
  }

  async text(message: string, initial: string, fault: Fault): Promise<string> {
    const answer = await text({
      ...this.#rim,
      message,
      initialValue: initial,
      validate: (given) => fault((given ?? '').trim()),
    })
    return this.#given(answer).trim()
  }

  /** `value` of the answer; they are told apart by their place. */
  async choose<T>(message: string, answers: readonly Answer<T>[]): Promise<T> {
    const options = answers.map(({ label }, value) => ({ value, label }))
    const at = this.#given(await select({ ...this.#rim, message, options, maxItems: 12 }))
    const answer = answers[at]
    if (answer === undefined) throw new RangeError(`there is no answer ${at}`)
    return answer.value
  }

  async isYes(message: string): Promise<boolean> {
    return this.#given(await confirm({ ...this.#rim, message }))
  }

  #given<T extends string | number | boolean>(answer: T | typeof CANCEL_SYMBOL): T {
    if (answer !== CANCEL_SYMBOL) return answer
    throw new OwnerError(EXIT.interrupted, 'stopped; nothing was written')
  }
}
