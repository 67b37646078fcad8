import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How the engine answers: `hang` never begins, the others stream `tokens` with `gapMs` between. */
export interface Pace {
  readonly hang?: boolean
  readonly tokens: number
  readonly gapMs: number
}

interface ChatBody {
  readonly stream?: boolean
  readonly messages?: readonly { readonly role: string; readonly content: string }[]
  readonly continue_final_message?: boolean
}

/** Tokens of the answer that another engine has said already. */
function saidTokens({ messages, continue_final_message: goesOn }: ChatBody): number {
  const last = messages?.at(-1)
  if (goesOn !== true || last?.role !== 'assistant') return 0
  return last.content.match(/t\d+ /g)?.length ?? 0
}

/** For an agent that asks for itself, before it offers anything. */
const AT_ONCE: Pace = { tokens: 1, gapMs: 1 }
const isAgents = ({ headers }: IncomingMessage): boolean =>
  headers['user-agent']?.endsWith('(probe)') === true

/**
 * An OpenAI-compatible engine that exists to inject faults: it answers at a chosen pace and tells
 * what it saw. The real llama.cpp is used wherever the pace does not matter.
 */
export class SlowEngine {
  pace: Pace = { tokens: 5, gapMs: 1 }
  /** But for what agents ask for themselves. */
  requests = 0
  /** Requests whose client went away before the answer was complete. */
  abandoned = 0
  /** Requests being answered now. */
  running = 0
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response))
  }

  static async start(): Promise<SlowEngine> {
    const engine = new SlowEngine()
    await new Promise<void>((resolve) => engine.#server.listen(0, '127.0.0.1', resolve))
    return engine
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    if (request.url === '/v1/models') {
      const model = {
        id: 'slow',
        object: 'model',
        created: 1,
        owned_by: 'e2e',
        max_model_len: 4096,
      }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ object: 'list', data: [model] }))
      return
    }
    if (request.method !== 'POST') return void response.writeHead(404).end()
    const isOwn = isAgents(request)
    if (!isOwn) this.requests++
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      this.#chat(JSON.parse(body) as ChatBody, response, isOwn ? AT_ONCE : this.pace)
    })
  }

  #chat(body: ChatBody, response: ServerResponse, pace: Pace): void {
    this.running++
    let ended = false
    response.on('close', () => {
      this.running--
      if (!ended) this.abandoned++
      clearInterval(timer)
    })
    const head = { id: 'chatcmpl-slow', created: 1_700_000_000, model: 'slow' }
    const said = saidTokens(body)
    const generated = pace.tokens - said
    const usage = {
      prompt_tokens: 7 + said,
      completion_tokens: generated,
      total_tokens: 7 + pace.tokens,
    }
    const send = (choice: object, extra: object = {}): void => {
      response.write(
        `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices: [choice], ...extra })}\n\n`,
      )
    }
    let sent = said
    const timer = setInterval(() => {
      if (pace.hang === true) return
      if (sent < pace.tokens) {
        sent++
        if (body.stream === true)
          send({ index: 0, delta: { content: `t${sent} ` }, finish_reason: null })
        return
      }
      ended = true
      clearInterval(timer)
      if (body.stream === true) {
        send({ index: 0, delta: {}, finish_reason: 'stop' })
        response.write(
          `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices: [], usage })}\n\n`,
        )
        response.end('data: [DONE]\n\n')
      } else {
        const content = Array.from({ length: sent }, (_, i) => `t${i + 1} `).join('')
        const message = { role: 'assistant', content, refusal: null }
        const choice = { index: 0, message, logprobs: null, finish_reason: 'stop' }
        response.end(
          JSON.stringify({ ...head, object: 'chat.completion', choices: [choice], usage }),
        )
      }
    }, pace.gapMs)
    response.writeHead(200, {
      'content-type': body.stream === true ? 'text/event-stream' : 'application/json',
    })
    if (body.stream === true)
      send({ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null })
  }
}
