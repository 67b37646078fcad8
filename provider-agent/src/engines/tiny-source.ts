import type { TinyModel } from '@infernet/models/tiny-model'
import { contextExceeded } from './model-file.ts'
import { TinyRun } from './tiny-run.ts'
import { TinyScore } from './tiny-score.ts'
import type {
  GenerateRequest,
  Prompt,
  RenderSource,
  ScoreSink,
  ScoreSource,
  TokenRun,
  TokenSink,
  TokenSource,
} from './token-source.ts'

/** Something that goes on whenever it has its turn. */
interface TinyWork extends Pick<TokenRun, 'abort'> {
  readonly isOver: boolean
  readonly isPaused: boolean
  turn(): void
}

/** Runs sequences side by side, a few tokens each in turn, and lets the event loop breathe. */
export class TinySource implements TokenSource, ScoreSource, RenderSource {
  readonly #model: TinyModel
  #work: TinyWork[] = []
  #isScheduled = false

  constructor(model: TinyModel) {
    this.#model = model
  }

  generate(request: GenerateRequest, sink: TokenSink): TokenRun {
    const prompt = this.#tokenize(request.prompt)
    const { contextLength } = this.#model.config
    if (prompt.length >= contextLength) throw contextExceeded(prompt.length, contextLength)
    const run = new TinyRun(this.#model, prompt, request, sink, () => this.#schedule())
    this.#begin(run)
    return run
  }

  score(prompt: readonly number[], output: readonly number[], sink: ScoreSink): TinyScore {
    const score = new TinyScore(this.#model, prompt, output, sink)
    this.#begin(score)
    return score
  }

  async render(
    prompt: Prompt,
    output: readonly number[],
  ): Promise<{ prompt: readonly number[]; text: string }> {
    const decoder = this.#model.tokenizer.decoder()
    let text = ''
    for (const id of output) {
      if (this.#model.endTokens.has(id)) break
      text += decoder.push(id)
    }
    return { prompt: this.#tokenize(prompt), text }
  }

  #tokenize(prompt: Prompt): readonly number[] {
    if (typeof prompt !== 'string') return prompt
    const tokens = this.#model.tokenizer.encode(prompt)
    if (tokens.length > 0) return tokens
    // Nothing to go on from is the beginning of a text.
    const { bosToken, eosToken } = this.#model.summary
    return [bosToken ?? eosToken ?? 0]
  }

  close(): void {
    for (const work of this.#work) work.abort()
  }

  #begin(work: TinyWork): void {
    this.#work.push(work)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      for (const work of this.#work) work.turn()
      this.#work = this.#work.filter(({ isOver }) => !isOver)
      if (this.#work.some(({ isPaused }) => !isPaused)) this.#schedule()
    })
  }
}
