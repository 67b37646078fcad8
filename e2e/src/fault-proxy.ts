import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What goes wrong between an agent and its engine. */
export const FAULTS = [
  'none',
  /** Nobody listens. */
  'refused',
  /** The request is taken and never answered. */
  'hang',
  'slow_first_byte',
  'status_429',
  'status_500',
  'status_503',
  /** The answer ends, in good order, in the middle of its JSON. */
  'truncated',
  /** The connection breaks in the middle. */
  'cut',
  /** The answer stops in the middle, and its connection stays open. */
  'stall',
  /** Something that is no JSON, in the middle or instead. */
  'garbage',
  'missing_usage',
  'duplicate_finish',
  /** The connection is kept alive and dies when it is used again. */
  'keep_alive_close',
  'wrong_type',
  /** More than anybody may buffer. */
  'giant',
  /** A few bytes at a time. */
  'drip',
] as const
export type Fault = (typeof FAULTS)[number]

/** Events of a stream that pass before it goes wrong: the role, and text. */
const EVENTS_BEFORE_FAULT = 4
const SLOW_FIRST_BYTE_MS = 250
const EVENT_GAP_MS = 3
const DRIP_BYTES = 16
const MEBIBYTE = 1024 * 1024

/** An HTTP proxy in front of a real engine that plays one fault on every answer. */
export class FaultProxy {
  fault: Fault = 'none'
  /** Requests for answers. */
  requests = 0
  readonly #engineUrl: string
  readonly #server: Server
  readonly #used = new WeakSet<object>()
  #port = 0

  private constructor(engineUrl: string) {
    this.#engineUrl = engineUrl
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy())
    })
  }

  static async start(engineUrl: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(engineUrl)
    await proxy.open()
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get isOpen(): boolean {
    return this.#server.listening
  }

  /** Listens, always at the same port. */
  async open(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray())
    const { method = 'GET', url = '/', socket } = request
    if (method === 'GET') return this.#pass(url, response)
    this.requests++
    const { fault } = this
    if (fault === 'hang') return
    if (fault === 'keep_alive_close' && this.#used.has(socket)) return void socket.destroy()
    this.#used.add(socket)
    if (fault.startsWith('status_')) return refuse(response, Number(fault.slice(7)))
    const answer = await fetch(this.#engineUrl + url, {
      method,
      body,
      headers: { 'content-type': 'application/json' },
    })
    const text = await answer.text()
    if (fault === 'slow_first_byte') await sleep(SLOW_FIRST_BYTE_MS)
    const type = answer.headers.get('content-type') ?? ''
    response.setHeader('content-type', fault === 'wrong_type' ? 'text/html' : type)
    if (type.startsWith('text/event-stream')) await playStream(fault, text, response)
    else await playDocument(fault, text, response)
  }

  async #pass(url: string, response: ServerResponse): Promise<void> {
    const answer = await fetch(this.#engineUrl + url)
    response.setHeader('content-type', answer.headers.get('content-type') ?? '')
    response.end(await answer.text())
  }
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '1' })
  response.end(JSON.stringify({ error: { message: `played: ${status}`, code: status } }))
}

async function playStream(fault: Fault, text: string, response: ServerResponse): Promise<void> {
  const events = text.split(/(?<=\n\n)/)
  response.flushHeaders()
  for (const [i, event] of changedEvents(fault, events).entries()) {
    if (i === EVENTS_BEFORE_FAULT && (await breakStream(fault, event, response))) return
    if (fault === 'drip') await drip(event, response)
    else response.write(event)
    await sleep(EVENT_GAP_MS)
  }
  response.end()
}

/** The events of a fault that only changes what is said. */
function changedEvents(fault: Fault, events: readonly string[]): readonly string[] {
  if (fault === 'missing_usage') return events.filter((event) => !event.includes('"usage":{'))
  if (fault !== 'duplicate_finish') return events
  return events.flatMap((event) => (event.includes('"finish_reason":"') ? [event, event] : [event]))
}

/** Breaks a stream in the middle; true when nothing more comes. */
async function breakStream(fault: Fault, next: string, response: ServerResponse): Promise<boolean> {
  switch (fault) {
    case 'cut':
      response.destroy()
      return true
    case 'truncated':
      response.end(next.slice(0, next.length / 2))
      return true
    case 'stall':
      return true
    case 'garbage':
      response.write('data: {"choices":[{"delta":{"content":oops\n\n')
      return false
    case 'giant':
      response.write('data: {"choices":[{"index":0,"delta":{"content":"')
      for (let i = 0; i < 2; i++) response.write('x'.repeat(MEBIBYTE))
      response.write('"}}]}\n\n')
      return false
    default:
      return false
  }
}

async function playDocument(fault: Fault, text: string, response: ServerResponse): Promise<void> {
  const half = text.slice(0, text.length / 2)
  switch (fault) {
    case 'cut':
      response.setHeader('content-length', Buffer.byteLength(text))
      response.write(half)
      await sleep(EVENT_GAP_MS)
      response.destroy()
      return
    case 'stall':
      response.write(half)
      return
    case 'truncated':
      response.end(half)
      return
    case 'garbage':
      response.end('<html>')
      return
    case 'giant':
      for (let i = 0; i < 9; i++) response.write('x'.repeat(MEBIBYTE))
      response.end()
      return
    case 'missing_usage':
      response.end(text.replace(/,"usage":\{[^}]*\}/, ''))
      return
    case 'drip':
      await drip(text, response)
      response.end()
      return
    default:
      response.end(text)
  }
}

async function drip(text: string, response: ServerResponse): Promise<void> {
  for (let at = 0; at < text.length; at += DRIP_BYTES) {
    response.write(text.slice(at, at + DRIP_BYTES))
    await sleep(1)
  }
}
