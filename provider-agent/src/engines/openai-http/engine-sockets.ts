import net, { isIP, type Socket } from 'node:net'
import tls from 'node:tls'
import { ResponseError, ResponseParser, type ResponseHead } from './response-parser.ts'

/** Where a server listens: at a host and port, with TLS or without, or at a socket in the file system. */
export type EngineTarget =
  | { readonly host: string; readonly port: number; readonly isSecure: boolean }
  | { readonly socketPath: string }

/** Hears what becomes of a request: a head, bytes of a body, its end; or that it broke, at any time and once. */
export interface ExchangeListener {
  head(head: ResponseHead): void
  /** Its own bytes, to be kept at will. */
  body(bytes: Buffer): void
  end(): void
  /**
   * `isUnseen`: a connection that had served before was closed without a word, as servers do with those that are
   * idle. Nobody has seen the request, and it can be sent again.
   */
  broken(error: Error, isUnseen: boolean): void
  /** The server has been silent for so long as was said; nothing is done about it. */
  silent(): void
}

/** A request under way. Nothing is heard after `destroy`. */
export interface Exchange {
  pause(): void
  resume(): void
  destroy(): void
}

export interface ExchangeRequest {
  /** All of it, as it goes over the connection. */
  readonly text: string
  /** Take a connection that served before, and leave it for the next. */
  readonly reuse: boolean
  /** In ms. */
  readonly silenceMs: number
}

/** Idle connections kept: as many as jobs a large engine runs at once. */
const MAX_IDLE = 64
/** Servers close idle ones after 5 s or more, some without being asked twice. */
const IDLE_MS = 60_000
/** That an idle connection is closed shows at once: what was worked on for longer was seen, and may be what broke the server. */
const UNSEEN_MS = 1_000
/** What is read at a time: hundreds of tokens, and few enough bytes for hundreds of connections. */
const READ_BYTES = 16 * 1024

/**
 * Connections to one server. Jobs take them instead of `node:http`, whose requests leave a third of a millisecond
 * later from a process that was idle, and whose chunks cost half as much again: docs/decisions/021. Questions of the
 * agent's own go by `node:http`.
 */
export class EngineSockets {
  readonly #target: EngineTarget
  /** Idle, the latest used last. */
  readonly #idle: EngineSocket[] = []

  constructor(target: EngineTarget) {
    this.#target = target
  }

  send(request: ExchangeRequest, listener: ExchangeListener): Exchange {
    const socket = (request.reuse ? this.#idle.pop() : undefined) ?? this.#open()
    return socket.begin(request, listener)
  }

  /** Ends those that are idle; what is under way goes on. */
  close(): void {
    for (const socket of this.#idle.splice(0)) socket.destroy()
  }

  #open(): EngineSocket {
    const socket: EngineSocket = new EngineSocket(this.#target, {
      onFree: () => {
        if (this.#idle.length >= MAX_IDLE) socket.destroy()
        else this.#idle.push(socket)
      },
      onClosed: () => {
        const at = this.#idle.indexOf(socket)
        if (at >= 0) this.#idle.splice(at, 1)
      },
    })
    return socket
  }
}

interface SocketEvents {
  /** It waits for its next request. */
  readonly onFree: () => void
  readonly onClosed: () => void
}

/** One connection: one request after the other. */
class EngineSocket {
  readonly #socket: Socket
  readonly #events: SocketEvents
  #open: OpenExchange | undefined
  #hasServed = false

  constructor(target: EngineTarget, events: SocketEvents) {
    this.#events = events
    this.#socket = connectTo(target, (bytes) => this.#read(bytes))
    this.#socket
      .on('end', () => this.#ended())
      .on('error', (error) => this.#broke(error))
      .on('timeout', () => this.#timedOut())
      .on('close', () => {
        this.#broke(new Error('the connection was closed'))
        events.onClosed()
      })
  }

  begin({ text, reuse, silenceMs }: ExchangeRequest, listener: ExchangeListener): Exchange {
    const exchange = new OpenExchange(this.#socket, listener, {
      isFirst: !this.#hasServed,
      keeps: reuse,
    })
    this.#open = exchange
    this.#socket.ref().setTimeout(silenceMs)
    this.#socket.write(text)
    return exchange
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #read(bytes: Buffer): void {
    // Nobody has asked.
    if (this.#open === undefined) return this.destroy()
    try {
      this.#open.push(bytes)
    } catch (error) {
      if (!(error instanceof ResponseError)) throw error
      this.#broke(error)
      return this.destroy()
    }
    if (this.#open?.isOver === true) this.#served(this.#open)
  }

  #served(exchange: OpenExchange): void {
    this.#open = undefined
    if (!exchange.leavesConnection || this.#socket.destroyed) return this.destroy()
    this.#hasServed = true
    this.#socket.setTimeout(IDLE_MS)
    // An idle one has to hear that its server closes, and keeps no process running.
    this.#socket.resume().unref()
    this.#events.onFree()
  }

  /** The server closes: that ends some answers, and breaks the others. */
  #ended(): void {
    try {
      this.#open?.finish()
      this.#open = undefined
    } catch (error) {
      if (!(error instanceof ResponseError)) throw error
      this.#broke(error)
    }
    this.destroy()
  }

  #broke(error: Error): void {
    const exchange = this.#open
    this.#open = undefined
    exchange?.broke(error)
  }

  #timedOut(): void {
    if (this.#open === undefined) this.destroy()
    else this.#open.silent()
  }
}

/** The request that a connection serves. */
class OpenExchange implements Exchange {
  readonly #socket: Socket
  readonly #parser: ResponseParser
  readonly #how: { readonly isFirst: boolean; readonly keeps: boolean }
  /** Undefined when nobody listens any more, or the connection is not its own any more. */
  #listener: ExchangeListener | undefined
  readonly #begunAt = performance.now()
  #isAnswered = false
  isOver = false

  constructor(
    socket: Socket,
    listener: ExchangeListener,
    how: { readonly isFirst: boolean; readonly keeps: boolean },
  ) {
    this.#socket = socket
    this.#listener = listener
    this.#how = how
    this.#parser = new ResponseParser({
      head: (head) => this.#listener?.head(head),
      body: (bytes) => this.#listener?.body(Buffer.from(bytes)),
      end: () => {
        this.isOver = true
        this.#listener?.end()
      },
    })
  }

  /** Whether the connection can serve the next. */
  get leavesConnection(): boolean {
    return this.#how.keeps && this.#parser.isReusable
  }

  pause(): void {
    if (!this.isOver) this.#socket.pause()
  }

  resume(): void {
    if (!this.isOver) this.#socket.resume()
  }

  destroy(): void {
    this.#listener = undefined
    if (!this.isOver) this.#socket.destroy()
  }

  /** Throws `ResponseError`. */
  push(bytes: Buffer): void {
    this.#isAnswered = true
    this.#parser.push(bytes)
  }

  /** The server has closed. Throws `ResponseError`. */
  finish(): void {
    this.#parser.finish()
  }

  broke(error: Error): void {
    const listener = this.#listener
    this.#listener = undefined
    const isEarly = performance.now() - this.#begunAt < UNSEEN_MS
    const isUnseen = isEarly && !this.#how.isFirst && !this.#isAnswered
    if (!this.isOver) listener?.broken(error, isUnseen)
    this.isOver = true
  }

  silent(): void {
    this.#listener?.silent()
  }
}

/** `onBytes` is shown the same memory each time. */
function connectTo(target: EngineTarget, onBytes: (bytes: Buffer) => void): Socket {
  const onread = {
    buffer: Buffer.allocUnsafe(READ_BYTES),
    callback: (length: number, buffer: Uint8Array): boolean => {
      onBytes(Buffer.from(buffer.buffer, buffer.byteOffset, length))
      return true
    },
  }
  if ('socketPath' in target) return net.connect({ path: target.socketPath, onread })
  const { host, port, isSecure } = target
  if (!isSecure) return net.connect({ host, port, onread, noDelay: true })
  // Names are checked against the certificate; addresses are sent no name.
  const servername = isIP(host) === 0 ? host : ''
  const socket = tls.connect({ host, port, servername, ALPNProtocols: ['http/1.1'] })
  return socket.setNoDelay().on('data', onBytes)
}
