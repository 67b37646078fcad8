import { z } from 'zod'
import { ScoreError } from '../score-order.ts'
import type { EngineConnection } from './engine-connection.ts'
import {
  askServer,
  isMark,
  jsonOf,
  notRendered,
  type SentRequest,
  type ServerReply,
  type ServerTokenizer,
} from './server-tokenizer.ts'

const id = z.int().nonnegative()
const promptSchema = z.array(id).min(1)
const renderedSchema = z.object({ token_ids: promptSchema })
const tokensSchema = z.object({
  tokens: z.array(id),
  token_strs: z.array(z.string().nullable()).nullish(),
})
const textSchema = z.object({ prompt: z.string() })

/** Tokens that end an answer, or stand for nothing, in whatever model: never a part of what is said. */
const SILENT =
  /^(<[|｜].*[|｜]>|<\/?s>|<(bos|eos|pad|unk|(start|end)_of_\w+)>|\[(BOS|EOS|PAD|UNK|CLS|SEP)\])$/u
/** Of a chat, what `/tokenize` renders as an answer's prompt is rendered; with anything else it may not. */
const TOKENIZED_FIELDS = new Set([
  'messages',
  'chat_template_kwargs',
  'continue_final_message',
  'add_generation_prompt',
])
/** Fields that the templates of newer servers are told, and `/tokenize` does not know. */
const UNTOLD_FIELDS = [
  'tools',
  'tool_choice',
  'functions',
  'function_call',
  'reasoning_effort',
  'response_format',
]
/** Older servers do not have it; as of 0.32 they say 403 without `--enable-scale-out`. */
const WITHOUT_PATH: ReadonlySet<number> = new Set([403, 404, 405, 501])

/** What vLLM tells by `/v1/chat/completions/render`, `/tokenize` and `/detokenize`. */
export class VllmTokenizer implements ServerTokenizer {
  readonly #connection: EngineConnection
  readonly #model: string

  /** `model` is the server's own name. */
  constructor(connection: EngineConnection, model: string) {
    this.#connection = connection
    this.#model = model
  }

  async promptIds({ endpoint, payload }: SentRequest, signal: AbortSignal) {
    if (endpoint === 'chat.completions') return this.#chatIds(payload, signal)
    const { prompt } = payload
    const { data: ids } = promptSchema.safeParse(prompt)
    if (ids !== undefined) return ids
    const reply = await this.#beside('/tokenize', { prompt, add_special_tokens: true }, signal)
    return promptOf(tokensSchema.safeParse(jsonOf(reply)).data?.tokens)
  }

  /** By the path that a chat takes up to the engine, where there is one; else by `/tokenize`. */
  async #chatIds(payload: SentRequest['payload'], signal: AbortSignal) {
    const path = '/chat/completions/render'
    const question = { path, isBeside: false, payload }
    const reply = await askServer(this.#connection, question, signal)
    if (!WITHOUT_PATH.has(reply.status)) {
      return promptOf(renderedSchema.safeParse(jsonOf(reply)).data?.token_ids)
    }
    const untold = UNTOLD_FIELDS.find((name) => payload[name] !== undefined)
    if (untold !== undefined) {
      throw new ScoreError('bad_request', `this vLLM renders no chat with '${untold}'`)
    }
    const told = Object.entries(payload).filter(([name]) => TOKENIZED_FIELDS.has(name))
    const tokenized = await this.#beside('/tokenize', Object.fromEntries(told), signal)
    return promptOf(tokensSchema.safeParse(jsonOf(tokenized)).data?.tokens)
  }

  async textOf(tokens: readonly number[], signal: AbortSignal): Promise<string> {
    const reply = await this.#beside('/detokenize', { tokens }, signal)
    const { data } = textSchema.safeParse(jsonOf(reply))
    if (data === undefined) throw notRendered('it does not say which text tokens are')
    return data.prompt
  }

  async isSilent(token: number, signal: AbortSignal): Promise<boolean> {
    return SILENT.test(await this.textOf([token], signal))
  }

  async isPlain(prompt: string, signal: AbortSignal): Promise<boolean> {
    const question = { prompt, add_special_tokens: false, return_token_strs: true }
    const reply = await this.#beside('/tokenize', question, signal)
    const words = tokensSchema.safeParse(jsonOf(reply)).data?.token_strs
    if (!words) throw notRendered('it does not say how it reads a text')
    return !words.some((word) => word !== null && isMark(word))
  }

  #beside(path: string, question: object, signal: AbortSignal): Promise<ServerReply> {
    const payload = { model: this.#model, ...question }
    return askServer(this.#connection, { path, isBeside: true, payload }, signal)
  }
}

function promptOf(ids: readonly number[] | undefined): readonly number[] {
  if (ids === undefined || ids.length === 0) throw notRendered('it tells no tokens of this request')
  return ids
}
