import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { PROBE_AGENT } from '../engines/openai-http/engine-connection.ts'

/** What the fake engine does wrong. */
export type EngineFault =
  | 'none'
  /** Closes the socket in mid-answer. */
  | 'cut'
  /** Ends cleanly without a finish reason. */
  | 'no_finish'
  /** The same, with `[DONE]`. */
  | 'done_without_finish'
  | 'no_done'
  /** Says that it is done, and does not end. */
  | 'no_end'
  | 'no_usage'
  /** Counts more tokens than there are in the world. */
  | 'wrong_usage'
  /** vLLM's way to fail in mid-stream. */
  | 'error_event'
  | 'not_json'
  | 'not_sse'
  /** One event without an end. */
  | 'giant'
  /** Announces keep-alive and closes after the finish event, before `[DONE]`. */
  | 'close_early'
  | 'redirect'
  /** Accepts and never answers. */
  | 'silent'
  | { readonly status: number; readonly body: unknown }

const HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'big-model' }
const CONTEXT = 128

/** A small OpenAI-compatible server that answers with numbered words, or breaks as told. */
export class FakeEngine {
  fault: EngineFault = 'none'
  /** Between tokens, in ms; 0 writes them one turn apart. */
  tokenMs = 0
  tokens = 40
  models: object[] = [{ id: 'big-model', owned_by: 'vllm', max_model_len: CONTEXT }]
  /** Says the beginning of a continued answer again, as llama-server did before it could be told. */
  echoes = false
  /** What it answers 404 to, below `/v1`. */
  missing: readonly string[] = []
  /** Beside `/v1`, by path: a text as it is, else JSON. */
  pages: Readonly<Record<string, unknown>> = {}
  /** Paths below `/v1` that the agent asked for itself. */
  readonly questions: string[] = []
  /** Sees such a question, and may have it answered with another status than 200, or never. */
  onQuestion: (path: string, body: Record<string, unknown>) => number | 'never' | undefined = () =>
    undefined
  /** Received, but for what the agent asks for itself. */
  readonly requests: {
    readonly path: string
    readonly body: Record<string, unknown>
    readonly connection: string
    /** Of the client's end, which names the connection. */
    readonly port: number | undefined
  }[] = []
  /** Closes each connection after so many requests, without saying so. */
  requestsPerSocket = Number.POSITIVE_INFINITY
  /** Requests whose client went away early. */
  aborted = 0
  readonly #served = new WeakMap<object, number>()
  readonly #server: Server = createServer(
    (request, response) => void this.#serve(request, response),
  )

  async start(port = 0): Promise<void> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/v1/models') return json(response, 200, { data: this.models })
    const page = this.pages[request.url ?? '']
    if (typeof page === 'string') return void response.end(page)
    if (page !== undefined) return json(response, 200, page)
    if (request.method === 'GET') return json(response, 404, { detail: 'Not Found' })
    const chunks: Buffer[] = await request.toArray()
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
    const path = (request.url ?? '').replace('/v1', '')
    if (request.headers['user-agent'] === PROBE_AGENT)
      return this.#answerProbe(path, body, response)
    const { connection = '' } = request.headers
    this.requests.push({ path, body, connection, port: request.socket.remotePort })
    const { fault, requestsPerSocket } = this
    const served = (this.#served.get(request.socket) ?? 0) + 1
    this.#served.set(request.socket, served)
    if (served > requestsPerSocket) return void request.socket.destroy()
    if (typeof fault === 'object') return json(response, fault.status, fault.body)
    if (fault === 'silent') return
    if (fault === 'redirect') {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
      return
    }
    if (path === '/embeddings') return json(response, 200, vectorsOf(body))
    const promptTokens = JSON.stringify(body['messages'] ?? body['prompt']).length >> 2
    if (promptTokens >= CONTEXT) {
      const message = `This model's maximum context length is ${CONTEXT} tokens.`
      return json(response, 400, {
        error: { message, type: 'BadRequestError', param: null, code: 400 },
      })
    }
    response.on('close', () => {
      if (!response.writableFinished) this.aborted++
    })
    const from = said(body)
    const wanted = Math.min(this.tokens - from, Number(body['max_tokens']))
    const finish = wanted < this.tokens - from ? 'length' : 'stop'
    const counted = fault === 'wrong_usage' ? 9e15 : wanted
    const usage = { prompt_tokens: promptTokens, completion_tokens: counted, total_tokens: 0 }
    const answer: Answer = { isChat: path === '/chat/completions', from, wanted, finish, usage }
    const again = this.echoes && body['continue_final_message'] === true ? begunText(body) : ''
    if (body['stream'] === true) await this.#stream(response, answer, again)
    else await this.#whole(response, answer)
  }

  #answerProbe(path: string, body: Record<string, unknown>, response: ServerResponse): void {
    this.questions.push(path)
    const status = this.onQuestion(path, body)
    if (status === 'never') return
    if (status !== undefined) return json(response, status, { error: { message: 'not now' } })
    if (this.missing.includes(path)) return json(response, 404, { detail: 'Not Found' })
    if (path === '/embeddings') return json(response, 200, vectorsOf(body))
    const text = this.echoes ? `${begunText(body)} x` : 'x'
    if (body['stream'] === true) {
      const choices = [{ index: 0, delta: { content: text }, finish_reason: 'length' }]
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(`data: ${JSON.stringify({ ...HEAD, choices })}\n\ndata: [DONE]\n\n`)
      return
    }
    const choice =
      path === '/completions' ? { text } : { message: { role: 'assistant', content: text } }
    json(response, 200, { ...HEAD, choices: [{ index: 0, ...choice, finish_reason: 'length' }] })
  }

  async #whole(
    response: ServerResponse,
    { isChat, from, wanted, finish, usage }: Answer,
  ): Promise<void> {
    const content = Array.from({ length: wanted }, (_, i) => word(from + i)).join('')
    const text = isChat ? { message: { role: 'assistant', content } } : { text: content }
    const answer = {
      ...HEAD,
      object: isChat ? 'chat.completion' : 'text_completion',
      choices: [{ index: 0, ...text, finish_reason: finish }],
      usage,
    }
    for (let i = 0; i < wanted; i++) await this.#pace()
    if (this.fault === 'not_json') response.end('<html>')
    else if (this.fault === 'giant') {
      response.writeHead(200)
      for (let i = 0; i < 9; i++) response.write(Buffer.alloc(1024 * 1024, 120))
      response.end()
    } else if (this.fault === 'cut') {
      response.writeHead(200, { 'content-length': 10_000 }).write('{"choices"')
      setImmediate(() => response.destroy())
    } else json(response, 200, answer)
  }

  async #stream(
    response: ServerResponse,
    { isChat, from, wanted, finish, usage }: Answer,
    again: string,
  ): Promise<void> {
    const { fault } = this
    const type = fault === 'not_sse' ? 'text/html' : 'text/event-stream; charset=utf-8'
    response.writeHead(200, { 'content-type': type })
    const head = { ...HEAD, object: isChat ? HEAD.object : 'text_completion' }
    const put = (delta: { content?: string }, reason: string | null = null): void => {
      const text = isChat ? { delta } : { text: delta.content ?? '' }
      const choices = [{ index: 0, ...text, logprobs: null, finish_reason: reason }]
      response.write(`data: ${JSON.stringify({ ...head, choices })}\n\n`)
    }
    if (isChat) put(ROLE)
    for (let i = 0; i < wanted && !response.destroyed; i++) {
      if (i === 5 && this.#breakStream(response)) return
      put({ content: (i === 0 ? again : '') + word(from + i) })
      await this.#pace()
    }
    if (fault === 'no_finish') return void response.end()
    if (fault !== 'done_without_finish') put({}, finish)
    if (fault === 'close_early') {
      setImmediate(() => response.destroy())
      return
    }
    if (fault !== 'no_usage') {
      response.write(`data: ${JSON.stringify({ ...head, choices: [], usage })}\n\n`)
    }
    if (fault !== 'no_done') response.write('data: [DONE]\n\n')
    if (fault !== 'no_end') response.end()
  }

  #breakStream(response: ServerResponse): boolean {
    switch (this.fault) {
      case 'cut':
        response.destroy()
        return true
      case 'error_event':
        response.end(
          'data: {"error":{"message":"CUDA out of memory","code":500}}\n\ndata: [DONE]\n\n',
        )
        return true
      case 'not_json':
        response.end('data: {"usage":{oops}\n\n')
        return true
      case 'giant':
        for (let i = 0; i < 3; i++) response.write(Buffer.alloc(1024 * 1024, 120))
        return true
      default:
        return false
    }
  }

  async #pace(): Promise<void> {
    await (this.tokenMs > 0
      ? sleep(this.tokenMs)
      : new Promise((resolve) => {
          setImmediate(resolve)
        }))
  }
}

const ROLE = { role: 'assistant', content: '' }
const word = (i: number): string => `w${i} `

interface Answer {
  readonly isChat: boolean
  /** The first word's number. */
  readonly from: number
  readonly wanted: number
  readonly finish: string
  readonly usage: object
}

/** What the assistant has said, of a chat that goes on with it. */
function begunText({ messages }: Record<string, unknown>): string {
  const last = Array.isArray(messages)
    ? (messages.at(-1) as { role: string; content: string })
    : undefined
  return last?.role === 'assistant' ? last.content : ''
}

/** Words of the answer that are there already. */
function said(body: Record<string, unknown>): number {
  const goesOn = body['continue_final_message'] === true && body['add_generation_prompt'] === false
  const { prompt } = body
  const text = goesOn ? begunText(body) : typeof prompt === 'string' ? prompt : ''
  return text.match(/w\d+ /g)?.length ?? 0
}

/** A vector for each input, and more numbers than one for a longer text. */
function vectorsOf({ input }: Record<string, unknown>): object {
  const texts: unknown[] = Array.isArray(input) ? input : [input]
  const data = texts.map((text, index) => ({
    object: 'embedding',
    index,
    embedding: [String(text).length / 100, -0.5, 0.25],
  }))
  const tokens = texts.length * 3
  return {
    object: 'list',
    data,
    model: HEAD.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
