import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Position } from '@infernet/schemas/transcript'
import { ScoreError } from '../engines/score-order.ts'
import type { TinyEngine } from '../engines/tiny.ts'

interface CompletionBody {
  readonly model: string
  readonly prompt: string | readonly number[]
  readonly max_tokens: number
  readonly prompt_logprobs?: number
}

/** vLLM as far as scoring goes, in the shapes of its `prompt_logprobs`, with the numbers of a real model. */
export class FakeVllm {
  /** Its `--max-logprobs`. */
  maxLogprobs = 20
  /** Said instead of an answer. */
  instead: unknown
  /** Accepts and never answers. */
  isSilent = false
  /** Bodies of requests to score. */
  readonly requests: CompletionBody[] = []
  /** Requests whose client went away early. */
  aborted = 0
  readonly #engine: TinyEngine
  readonly #server: Server

  /** `engine` has one model, which is served under its name, and has been started. */
  constructor(engine: TinyEngine) {
    this.#engine = engine
    this.#server = createServer(async (request, response) => {
      response.on('close', () => {
        if (!response.writableFinished) this.aborted++
      })
      if (request.url === '/v1/models') return this.#list(response)
      if (request.method === 'GET') return json(response, 404, { detail: 'Not Found' })
      const chunks: Buffer[] = await request.toArray()
      const body = JSON.parse(Buffer.concat(chunks).toString()) as CompletionBody
      if (request.url !== '/v1/completions') return json(response, 404, { detail: 'Not Found' })
      if (body.prompt_logprobs === undefined) return json(response, 200, answer())
      this.requests.push(body)
      if (!this.isSilent) await this.#score(body, body.prompt_logprobs, response)
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

  #list(response: ServerResponse): void {
    const data = this.#engine.models.map(({ id, contextLength }) => ({
      id,
      owned_by: 'vllm',
      max_model_len: contextLength,
    }))
    json(response, 200, { object: 'list', data })
  }

  async #score(
    { model, prompt, max_tokens }: CompletionBody,
    wanted: number,
    response: ServerResponse,
  ): Promise<void> {
    if (this.instead !== undefined) return json(response, 200, this.instead)
    if (wanted > this.maxLogprobs) {
      const message = `Requested prompt logprobs of ${wanted}, which is greater than max allowed: ${this.maxLogprobs}`
      return refuse(response, message)
    }
    const [start, ...rest] = prompt as readonly number[]
    const room = (this.#engine.models[0]?.contextLength ?? 0) - max_tokens
    if (rest.length + 1 > room) return refuse(response, `This model's maximum context length is …`)
    const order = { model, prompt: [start ?? 0], output: rest }
    try {
      const positions = await this.#engine.score(order, new AbortController().signal)
      const told = positions.map((position) => placeOf(position, wanted))
      json(response, 200, answer([null, ...told]))
    } catch (error) {
      if (!(error instanceof ScoreError)) throw error
      refuse(response, 'Token id 1000000 is out of vocabulary')
    }
  }
}

/** The token itself comes first, whether or not it is one of the likeliest. */
function placeOf({ id, logprob, top }: Position, wanted: number): object {
  const likeliest = top.slice(0, wanted).map((candidate, i) => ({ ...candidate, rank: i + 1 }))
  const rank = top.findIndex((candidate) => candidate.id === id) + 1 || top.length + 1
  const told = [{ id, logprob, rank }, ...likeliest]
  return Object.fromEntries(
    told.map((it) => [it.id, { logprob: it.logprob, rank: it.rank, decoded_token: '…' }]),
  )
}

const answer = (promptLogprobs: readonly unknown[] | null = null): object => ({
  id: 'cmpl-1',
  object: 'text_completion',
  created: 1,
  model: 'x',
  choices: [
    {
      index: 0,
      text: 'x',
      logprobs: null,
      finish_reason: 'length',
      stop_reason: null,
      prompt_logprobs: promptLogprobs,
    },
  ],
  usage: { prompt_tokens: 1, total_tokens: 2, completion_tokens: 1 },
})

function refuse(response: ServerResponse, message: string): void {
  json(response, 400, { error: { message, type: 'BadRequestError', param: null, code: 400 } })
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
