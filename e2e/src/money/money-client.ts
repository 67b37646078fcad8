import { bearer, until, type Stack } from '../stack.ts'

export type Json = Readonly<Record<string, unknown>>

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly json: Json
}

/** A client that talks to the billing API as its documents say. */
export class MoneyClient {
  readonly #url: string
  readonly #key: string

  constructor(stack: Stack, apiKey: string) {
    this.#url = `${stack.url}/v1`
    this.#key = apiKey
  }

  async ask(method: string, path: string, body?: object, headers: object = {}): Promise<Answer> {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        ...(this.#key === '' ? {} : bearer(this.#key)),
        'content-type': 'application/json',
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      json: (text === '' ? {} : JSON.parse(text)) as Json,
    }
  }

  /** An answer that must be good. */
  async get(path: string): Promise<Json> {
    return must(await this.ask('GET', path))
  }

  async post(path: string, body: object, headers?: object): Promise<Json> {
    return must(await this.ask('POST', path, body, headers))
  }

  chat(content: string): Promise<Answer> {
    return this.ask('POST', '/chat/completions', {
      model: 'infernet-demo',
      max_tokens: 8,
      messages: [{ role: 'user', content }],
    })
  }

  /** Polls an object until its status is one of these. */
  async untilStatus(path: string, ...statuses: readonly string[]): Promise<Json> {
    let last: Json = {}
    await until(`${path} is ${statuses.join(' or ')}`, async () => {
      last = await this.get(path)
      return statuses.includes(String(last['status']))
    })
    return last
  }
}

export function must({ status, json }: Answer): Json {
  if (status >= 400) throw new Error(`${status}: ${JSON.stringify(json)}`)
  return json
}
