import { answerJson, piece } from './answers.ts'
import type { FakeJob, FakeProvider } from './fake-provider.ts'

/** A machine that makes a number of tokens each tick, for all that is asked of it in turn. */
export class FakeMachine {
  readonly #perTick: number
  /** Answers that wait for their next token. */
  readonly #waiting: (() => void)[] = []

  constructor(perTick: number) {
    this.#perTick = perTick
  }

  get isAtWork(): boolean {
    return this.#waiting.length > 0
  }

  tick(): void {
    for (const next of this.#waiting.splice(0, this.#perTick)) next()
  }

  /** Answers whatever a provider is asked, for ever; a streamed answer has `tokensOf` tokens. */
  serve(provider: FakeProvider, tokensOf: () => number): void {
    const next = async (): Promise<void> => {
      for (;;) void this.#answer(await provider.jobs.next(), tokensOf)
    }
    void next()
  }

  async #answer(job: FakeJob, tokensOf: () => number): Promise<void> {
    if (!job.header.stream) return answerJson(job)
    job.begin().data(piece.role())
    let made = 0
    while (job.cancels.length === 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
      if (made >= tokensOf()) break
      job.data(piece.text('token '))
      made++
    }
    job.data(piece.finish()).data(piece.usage(10, made)).data(piece.done())
    job.end({ usage: { prompt_tokens: 10, completion_tokens: made } })
  }
}
