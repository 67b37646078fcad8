import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Candidate } from '@infernet/schemas/transcript'
import { drawToken, newDrawState } from '@infernet/verification/replay/draw'
import type { SeededVariant } from '@infernet/verification/replay/replay-variant'

const VOCABULARY = 32
/** The token that ends an answer, and what it is called. */
const END = 0
const END_WORD = '<|end|>'
/** A token of the vocabulary, or a character, whose bytes are tokens behind it. */
const WORD = / w(?:[1-9]|[12]\d|3[01])(?!\d)|<\|end\|>|[^]/gu
const HEAD = { id: 'cmpl-1', created: 1, model: 'shown' }
/** Fields that older servers do not know. */
const EXTRAS = ['return_token_ids', 'return_tokens_as_token_ids']

interface Body {
  readonly prompt?: string | readonly number[]
  readonly messages?: readonly { readonly role: string; readonly content: unknown }[]
  readonly tokens?: readonly number[]
  readonly add_generation_prompt?: boolean
  readonly max_tokens: number
  readonly stream?: boolean
  readonly stream_options?: object
  readonly seed?: number
  readonly temperature?: number
  readonly top_k?: number
  readonly top_p?: number
  readonly min_p?: number
  readonly n?: number
  readonly stop?: string
  readonly logprobs?: number | boolean
  readonly top_logprobs?: number
  readonly return_token_ids?: boolean
  readonly return_tokens_as_token_ids?: boolean
}

interface Drawn {
  readonly id: number
  readonly text: string
  readonly all: readonly Candidate[]
}

/**
 * vLLM as far as answers that are shown go: tokens are drawn by the rules that a replay knows, from logits that
 * are a function of what stands before, and told in its shapes.
 */
export class FakeShowingVllm {
  /** How it draws; undefined: as nobody can repeat. */
  variant: SeededVariant | undefined = 'vllm-gumbel-murmur'
  maxLogprobs = 20
  /** Its `--logprobs-mode`. */
  mode: 'raw' | 'processed' = 'raw'
  knowsExtras = true
  /** Leaves the event of so many tokens out, which vLLM does not do. */
  silentTokens = 0
  /** A parser holds so many tokens' text back; there is an event for each all the same where ids were asked for. */
  parsedTokens = 0
  root = 'somewhere/else'
  /** Whether it has the path by which a whole chat is rendered. */
  rendersChats = true
  /** Said of a prompt's ids, and of the text of ids, instead of what is true. */
  misreads = (ids: readonly number[]): readonly number[] => ids
  misquotes = (text: string): string => text
  /** In front of every chat, as by a flag that it was started with. */
  preamble = ''
  readonly requests: Body[] = []
  readonly #server: Server

  constructor() {
    this.#server = createServer(async (request, response) => {
      if (request.url === '/version') return json(response, 200, { version: '0.32.0' })
      if (request.url === '/v1/models') return json(response, 200, this.#list())
      if (request.method === 'GET') return json(response, 404, { detail: 'Not Found' })
      const chunks: Buffer[] = await request.toArray()
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Body
      const told = this.#told(request.url ?? '', body)
      if (told !== undefined) return json(response, 'detail' in told ? 404 : 200, told)
      this.requests.push(body)
      if (request.url === '/v1/embeddings') return json(response, 404, { detail: 'Not Found' })
      const refusal = this.#refusal(body)
      if (refusal !== undefined) return json(response, 400, { error: { message: refusal } })
      this.#answer(body, request.url === '/v1/chat/completions', response)
    })
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  #list(): object {
    const model = { id: 'shown', owned_by: 'vllm', root: this.root, parent: null }
    const adapter = { id: 'tuned', owned_by: 'vllm', root: '/lora', parent: 'shown' }
    return { data: [{ ...model, max_model_len: 512 }, adapter] }
  }

  /** What is told of template and tokens. */
  #told(path: string, body: Body): object | undefined {
    if (path === '/v1/chat/completions/render') {
      if (!this.rendersChats) return { detail: 'Not Found' }
      return { token_ids: this.misreads(this.#promptOf(body)), request_id: 'chatcmpl-1' }
    }
    if (path === '/detokenize') return { prompt: this.misquotes(textOfIds(body.tokens ?? [])) }
    if (path !== '/tokenize') return undefined
    const tokens = this.misreads(this.#promptOf(body))
    const words = typeof body.prompt === 'string' ? tokensOf(body.prompt) : []
    return { tokens, count: tokens.length, token_strs: words.map(({ word }) => word) }
  }

  #refusal(body: Body): string | undefined {
    const extra = EXTRAS.find((name) => name in body)
    if (!this.knowsExtras && extra !== undefined) return `Extra inputs are not permitted: ${extra}`
    const wanted = candidatesAsked(body)
    if (wanted <= this.maxLogprobs) return undefined
    return `Requested sample logprobs of ${wanted}, which is greater than max allowed: ${this.maxLogprobs}`
  }

  #answer(body: Body, isChat: boolean, response: ServerResponse): void {
    const prompt = this.#promptOf(body)
    const { tokens, reason } = this.#draw(prompt, body)
    const usage = {
      prompt_tokens: prompt.length,
      completion_tokens: tokens.length,
      total_tokens: 0,
    }
    const promptIds = body.return_token_ids === true ? prompt : null
    if (body.stream !== true) {
      const said = tokens.map(({ text }) => text).join('')
      const text = isChat ? { message: { role: 'assistant', content: said } } : { text: said }
      const choice = {
        index: 0,
        ...text,
        ...this.#shown(tokens, body, isChat),
        finish_reason: reason,
      }
      const inChoice = isChat ? {} : { prompt_token_ids: promptIds }
      const atTop = isChat ? { prompt_token_ids: promptIds } : {}
      const choices = Array.from({ length: body.n ?? 1 }, (_, index) => ({
        ...choice,
        ...inChoice,
        index,
      }))
      return json(response, 200, { ...HEAD, choices, usage, ...atTop })
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const put = (choices: object[], more: object = {}): void => {
      response.write(`data: ${JSON.stringify({ ...HEAD, choices, ...more })}\n\n`)
    }
    if (isChat) {
      const role = {
        index: 0,
        delta: { role: 'assistant', content: '' },
        logprobs: null,
        finish_reason: null,
      }
      put([role], { prompt_token_ids: promptIds })
    }
    for (const [i, token] of tokens.entries()) {
      if (i > 1 && i <= 1 + this.silentTokens) continue
      const isParsed = isChat && i > 1 && i <= 1 + this.parsedTokens
      if (isParsed && body.return_token_ids !== true) continue
      const delta = isParsed ? {} : { content: token.text }
      const text = isChat ? { delta } : { text: token.text }
      const finish_reason = i === tokens.length - 1 ? reason : null
      const inChoice = isChat ? {} : { prompt_token_ids: i === 0 ? promptIds : null }
      put([
        { index: 0, ...text, ...this.#shown([token], body, isChat), finish_reason, ...inChoice },
      ])
    }
    if (body.stream_options !== undefined) put([], { usage })
    response.end('data: [DONE]\n\n')
  }

  #draw(prompt: readonly number[], body: Body): { tokens: Drawn[]; reason: string } {
    const { temperature = 1, top_k = 0, top_p = 1, min_p = 0, seed = 0, max_tokens } = body
    const settings = { temperature, topK: top_k, topP: top_p, minP: min_p, seed: BigInt(seed) }
    const unseeded = { ...settings, seed: BigInt(this.requests.length) * 7_919n }
    const state = newDrawState(settings.seed, prompt.length)
    const tokens: Drawn[] = []
    let text = ''
    while (tokens.length < max_tokens) {
      const all = candidatesAt([...prompt, ...tokens.map(({ id }) => id)])
      const rule = this.variant ?? 'vllm-gumbel'
      const id = drawToken(all, this.variant === undefined ? unseeded : settings, rule, state)
      const said = id === END ? '' : ` w${id}`
      tokens.push({ id, all, text: said })
      text += said
      const end = body.stop === undefined ? -1 : text.indexOf(body.stop)
      if (end >= 0) return { tokens: cutAt(tokens, end), reason: 'stop' }
      if (id === END) return { tokens, reason: 'stop' }
    }
    return { tokens, reason: 'length' }
  }

  #promptOf({ prompt, messages = [], add_generation_prompt }: Body): readonly number[] {
    if (typeof prompt === 'object') return prompt
    const turns = messages.map(({ role, content }) => `${role}: ${JSON.stringify(content)}`)
    const opening = add_generation_prompt === false ? [] : ['assistant:']
    const chat = this.preamble + [...turns, ...opening].join('\n')
    return tokensOf(prompt ?? chat).map(({ id }) => id)
  }

  /** `logprobs` and `token_ids` of a choice with these tokens. */
  #shown(tokens: readonly Drawn[], body: Body, isChat: boolean): object {
    const token_ids = body.return_token_ids === true ? tokens.map(({ id }) => id) : null
    if (body.logprobs === undefined || body.logprobs === false) return { logprobs: null, token_ids }
    const word = (id: number): string =>
      body.return_tokens_as_token_ids === true ? `token_id:${id}` : `w${id}`
    const told = tokens.map(({ id, all }) => {
      const numbers = this.mode === 'raw' ? all : tempered(all, body.temperature ?? 1)
      const own = numbers[id] ?? { id, logprob: 0 }
      const top = numbers.toSorted((a, b) => b.logprob - a.logprob).slice(0, candidatesAsked(body))
      return { own, top }
    })
    if (isChat) {
      const content = told.map(({ own, top }) => ({
        token: word(own.id),
        logprob: own.logprob,
        top_logprobs: top.map(({ id, logprob }) => ({ token: word(id), logprob })),
      }))
      return { logprobs: { content }, token_ids }
    }
    const logprobs = {
      text_offset: told.map(() => 0),
      token_logprobs: told.map(({ own }) => own.logprob),
      tokens: told.map(({ own }) => word(own.id)),
      // The token itself comes first, whether or not it is one of the likeliest.
      top_logprobs: told.map(({ own, top }) =>
        Object.fromEntries([own, ...top].map(({ id, logprob }) => [word(id), logprob])),
      ),
    }
    return { logprobs, token_ids }
  }
}

const candidatesAsked = ({ logprobs, top_logprobs = 0 }: Body): number =>
  typeof logprobs === 'number' ? logprobs : top_logprobs

/** The tokens of a text, of which so many characters are shown. */
function cutAt(tokens: readonly Drawn[], end: number): Drawn[] {
  let from = 0
  return tokens.map((token) => {
    const shown = token.text.slice(0, Math.max(0, end - from))
    from += token.text.length
    return { ...token, text: shown }
  })
}

const tokensOf = (text: string): { readonly id: number; readonly word: string }[] =>
  (text.match(WORD) ?? []).flatMap((word) => {
    if (word === END_WORD) return [{ id: END, word }]
    if (word.startsWith(' w')) return [{ id: Number(word.slice(2)), word }]
    return [...Buffer.from(word)].map((byte) => ({ id: VOCABULARY + byte, word: '.' }))
  })

function textOfIds(ids: readonly number[]): string {
  const parts = ids.map((id) =>
    id < VOCABULARY ? Buffer.from(id === END ? END_WORD : ` w${id}`) : Buffer.of(id - VOCABULARY),
  )
  return Buffer.concat(parts).toString()
}

/** By id. */
function candidatesAt(before: readonly number[]): Candidate[] {
  const last = before.at(-1) ?? 0
  // Rare at first, so that answers have a length, and sure to come.
  const ending = before.length / 64 - 2
  const logits = Array.from(
    { length: VOCABULARY },
    (_, id) =>
      6 * Math.sin(12.9898 * (id + 1) * (last + before.length)) + (id === END ? ending : 0),
  )
  return normalised(logits)
}

const tempered = (all: readonly Candidate[], temperature: number): Candidate[] =>
  normalised(all.map(({ logprob }) => logprob / (temperature || 1)))

function normalised(logits: readonly number[]): Candidate[] {
  const logSum = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
  return logits.map((logit, id) => ({ id, logprob: Math.fround(logit - logSum) }))
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
