import { z } from 'zod'
import { ScoreError } from '../score-order.ts'
import type { EngineConnection } from './engine-connection.ts'
import { llamaPromptIds } from './evidence/prompt-ids.ts'
import {
  askServer,
  isMark,
  jsonOf,
  notRendered,
  type SentRequest,
  type ServerTokenizer,
} from './server-tokenizer.ts'

const textSchema = z.object({ content: z.string() })
const tokensSchema = z.object({
  tokens: z.array(
    z.object({
      id: z.int().nonnegative(),
      /** Bytes where they are no UTF-8. */
      piece: z.union([z.string(), z.array(z.number())]),
    }),
  ),
})
type Token = z.infer<typeof tokensSchema>['tokens'][number]

/** What llama-server tells by `/apply-template`, `/tokenize` and `/detokenize`. */
export class LlamaServerTokenizer implements ServerTokenizer {
  readonly #connection: EngineConnection

  constructor(connection: EngineConnection) {
    this.#connection = connection
  }

  async promptIds({ endpoint, payload }: SentRequest, signal: AbortSignal) {
    const ids = await llamaPromptIds(this.#connection, endpoint, payload, signal)
    if (signal.aborted) throw ScoreError.aborted()
    if (ids === undefined) throw notRendered('it does not say how it reads this request')
    return ids
  }

  async textOf(tokens: readonly number[], signal: AbortSignal): Promise<string> {
    const { data } = textSchema.safeParse(await this.#ask('/detokenize', { tokens }, signal))
    if (data === undefined) throw notRendered('it does not say which text tokens are')
    return data.content
  }

  /** Control tokens are read from a text only where that is asked for. */
  async isSilent(id: number, signal: AbortSignal): Promise<boolean> {
    const piece = await this.textOf([id], signal)
    const [parsed, plain] = await this.#bothWays(piece, signal)
    const [token, ...others] = parsed
    return token?.id === id && others.length === 0 && !isSame(parsed, plain)
  }

  async isPlain(text: string, signal: AbortSignal): Promise<boolean> {
    const [parsed, plain] = await this.#bothWays(text, signal)
    const hasMark = parsed.some(({ piece }) => typeof piece === 'string' && isMark(piece))
    return !hasMark && isSame(parsed, plain)
  }

  /** The text's tokens with control tokens among them, and without. */
  #bothWays(text: string, signal: AbortSignal) {
    return Promise.all([this.#tokens(text, true, signal), this.#tokens(text, false, signal)])
  }

  async #tokens(content: string, parse_special: boolean, signal: AbortSignal): Promise<Token[]> {
    const question = { content, add_special: false, parse_special, with_pieces: true }
    const { data } = tokensSchema.safeParse(await this.#ask('/tokenize', question, signal))
    if (data === undefined) throw notRendered('it does not say how it reads a text')
    return data.tokens
  }

  async #ask(path: string, payload: unknown, signal: AbortSignal): Promise<unknown> {
    const question = { path, isBeside: true, payload }
    return jsonOf(await askServer(this.#connection, question, signal))
  }
}

const isSame = (some: readonly Token[], others: readonly Token[]): boolean =>
  some.length === others.length && some.every(({ id }, i) => id === others[i]?.id)
