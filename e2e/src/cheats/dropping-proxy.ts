import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

/** A message with it is dropped; nothing that the agent asks by itself has it. */
export const DROPPED_WORD = 'SECRET'

interface Chat {
  messages?: { content?: unknown }[]
}

/** Stands before a server and leaves out of every chat what has {@link DROPPED_WORD}, where it is rendered too. */
export class DroppingProxy {
  readonly #server: http.Server

  private constructor(target: string) {
    this.#server = http.createServer(async (request, response) => {
      const text = Buffer.concat(await request.toArray()).toString()
      const chat = text === '' ? undefined : (JSON.parse(text) as Chat)
      if (chat?.messages !== undefined) {
        chat.messages = chat.messages.filter(
          ({ content }) => !String(content).includes(DROPPED_WORD),
        )
      }
      const { method, url } = request
      const headers = { 'content-type': 'application/json', connection: 'close' }
      const sent = http.request(target + url, { agent: false, method, headers }, (got) => {
        response.writeHead(got.statusCode ?? 502, { ...got.headers, connection: 'close' })
        got.pipe(response)
      })
      sent.on('error', () => response.destroy())
      response.on('close', () => sent.destroy())
      sent.end(chat && JSON.stringify(chat))
    })
  }

  static async start(target: string): Promise<DroppingProxy> {
    const proxy = new DroppingProxy(target)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
