import { WebSocket, type RawData } from 'ws'
import {
  edgeMessageSchema,
  MAX_SETTLER_MESSAGE_BYTES,
  SETTLER_PING_MS,
  type EdgeMessage,
  type SettlerAsk,
  type SettlerMessage,
} from '@infernet/schemas/settler-wire'
import { jitteredBackoffMs } from '../backoff.ts'
import { AskBook, type EdgeAnswer } from './ask-book.ts'

/** Until an edge has accepted the connection. */
const DIAL_TIMEOUT_MS = 10_000
/** An edge that restarts is back within seconds, and clients wait for their invoices. */
const BACKOFF = { firstMs: 250, maxMs: 15_000 }
/** Without a word for so long, pings included, the path is dead. */
const SILENCE_MS = 3 * SETTLER_PING_MS
/** Longer than a flush of an outbox or an agent's node take. */
const ASK_TIMEOUT_MS = 20_000

export interface EdgeLinkParts {
  /** See `settlerUrl`. */
  readonly url: string
  readonly token: string
  /** In [0, 1). */
  readonly random: () => number
  /** Returns after `ms`, or as soon as `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** There may be new rows. Called for every connection as well: what was said meanwhile is lost. */
  readonly onWake: () => void
  /** The connection came, or went or did not come; then `why` is in words for an operator. */
  readonly onChange: (connected: boolean, why: string) => void
}

/** One WebSocket to the edge after another, for as long as the settler runs. */
export class EdgeLink {
  readonly #parts: EdgeLinkParts
  readonly #asks = new AskBook()
  #connected = false

  constructor(parts: EdgeLinkParts) {
    this.#parts = parts
  }

  get connected(): boolean {
    return this.#connected
  }

  /** Waits for a connection and an answer, both at most 20 s. Throws `EdgeLinkError`. */
  async ask(ask: SettlerAsk, signal?: AbortSignal): Promise<EdgeAnswer> {
    const timeout = AbortSignal.timeout(ASK_TIMEOUT_MS)
    return await this.#asks.ask(
      ask,
      signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    )
  }

  /** Connects, and again whenever the connection ends, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      const { lasted, why } = await this.#connection(signal)
      if (signal.aborted) return
      failures = lasted ? 0 : failures + 1
      this.#parts.onChange(false, why)
      const { random, sleep } = this.#parts
      await sleep(jitteredBackoffMs(BACKOFF, failures, random()), signal)
    }
  }

  /** From dialling to the end. `lasted` when it was accepted. */
  async #connection(signal: AbortSignal): Promise<{ lasted: boolean; why: string }> {
    const socket = new WebSocket(this.#parts.url, {
      headers: { authorization: `Bearer ${this.#parts.token}` },
      handshakeTimeout: DIAL_TIMEOUT_MS,
      maxPayload: MAX_SETTLER_MESSAGE_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
    })
    const { promise, resolve } = Promise.withResolvers<string>()
    let why = ''
    let lasted = false
    const stop = () => socket.terminate()
    signal.addEventListener('abort', stop, { once: true })
    const silence = setInterval(stop, SILENCE_MS)
    const ping = setInterval(() => say(socket, { type: 'ping' }), SETTLER_PING_MS)
    socket
      .on('open', () => {
        lasted = true
        this.#opened(socket)
      })
      .on('message', (data, isBinary) => {
        silence.refresh()
        const message = isBinary ? undefined : readMessage(data)
        if (message === undefined) socket.close(1002, 'not a message of the settler’s wire')
        else this.#heard(message)
      })
      .on('error', (error) => (why = error.message))
      .on('close', (code, reason) => resolve(why || reason.toString() || `closed with ${code}`))
    const ended = await promise
    clearInterval(silence)
    clearInterval(ping)
    signal.removeEventListener('abort', stop)
    this.#connected = false
    this.#asks.closed()
    return { lasted, why: ended }
  }

  #opened(socket: WebSocket): void {
    this.#connected = true
    this.#parts.onChange(true, '')
    this.#asks.opened((message) => say(socket, message))
    this.#parts.onWake()
  }

  #heard(message: EdgeMessage): void {
    if (message.type === 'wake') this.#parts.onWake()
    else if (message.type !== 'pong') this.#asks.answered(message)
  }
}

function say(socket: WebSocket, message: SettlerMessage): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
}

function readMessage(data: RawData): EdgeMessage | undefined {
  try {
    return edgeMessageSchema.parse(JSON.parse(data.toString()))
  } catch {
    return undefined
  }
}
