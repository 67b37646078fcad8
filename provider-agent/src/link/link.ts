import { randomBytes } from 'node:crypto'
import { CLOSE } from '@infernet/schemas/close-codes'
import {
  CONNECTION_CHANNEL,
  FRAME,
  FrameError,
  PING_TEXT,
  PONG_TEXT,
  readFrames,
  type Frame,
  type FrameType,
} from '@infernet/schemas/frame'
import { FrameMux } from '@infernet/schemas/frame-mux'
import { signCapability } from '@infernet/schemas/signed-capability'
import {
  challengeSchema,
  decodeControl,
  encodeControl,
  welcomeSchema,
  WireError,
  type Capability,
  type SignedCapability,
  type Welcome,
} from '@infernet/schemas/wire'
import { WebSocket, type RawData } from 'ws'
import type { Clock } from '../clock.ts'
import type { Identity } from '../identity.ts'
import { ChannelTakenError } from '../jobs/jobs.ts'
import {
  DIAL_TIMEOUT_MS,
  MAX_PING_INTERVAL_MS,
  MAX_SOCKET_BACKLOG_BYTES,
  MISSED_PONGS,
  SOCKET_HIGH_WATER_BYTES,
  SOCKET_LOW_WATER_BYTES,
} from '../limits.ts'
import { dial, onRefusal } from './dial.ts'
import type { EdgeAddress } from './edge-address.ts'
import { flushSchedule } from './flush-schedule.ts'
import { endOfClose, endOfError, type LinkEnd } from './link-end.ts'
import { moveLink, type LinkState } from './link-state.ts'
import { answerChallenge, LoginRefusal } from './login.ts'

export interface LinkOptions {
  readonly edge: EdgeAddress
  readonly identity: Identity
  readonly capability: () => Capability
  readonly clock: Clock
  /** The login succeeded: jobs may come from now on. */
  readonly onReady: (welcome: Welcome) => void
  /** A frame that is legal when ready. Throwing a wire error closes the connection. */
  readonly onFrame: (frame: Frame) => void
  /** The socket has more, or again less, to write than it should. */
  readonly onCongested: (congested: boolean) => void
  /** Called once; nothing follows. */
  readonly onEnd: (end: LinkEnd) => void
}

/** Of a close frame, by RFC 6455. */
const MAX_CLOSE_REASON_BYTES = 123

/** As much of a text as there is room for, in whole letters: a socket throws at more. */
function closeReason(text: string): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(MAX_CLOSE_REASON_BYTES))
  return text.slice(0, read)
}

/** One WebSocket to the edge, from dialling to its end. It never comes back: dial a new one. */
export class Link {
  readonly #options: LinkOptions
  readonly #socket: WebSocket
  readonly #mux: FrameMux
  #state: LinkState = 'dialling'
  #dialledAt: number
  #welcomedAt: number | undefined
  #pingIntervalMs = Number.POSITIVE_INFINITY
  #pingedAt = 0
  #heardAt = 0
  /** When the latest capability record was signed, ms since the epoch. */
  #signedAt = 0
  #congested = false
  #ended = false
  /** Why we closed it ourselves, when we did. */
  #ownEnd: LinkEnd | undefined

  constructor(options: LinkOptions) {
    this.#options = options
    const { monotonic } = options.clock
    this.#dialledAt = monotonic()
    this.#socket = dial(options.edge)
    this.#mux = new FrameMux((message) => this.#sendMessage(message), flushSchedule(monotonic))
    this.#listen()
  }

  get isReady(): boolean {
    return this.#state === 'ready'
  }

  /** How long the connection has been, or was, welcome, in ms. */
  get welcomeMs(): number {
    if (this.#welcomedAt === undefined) return 0
    return this.#options.clock.monotonic() - this.#welcomedAt
  }

  write(type: FrameType, channel: number, payload: Uint8Array): void {
    this.#mux.write(type, channel, payload)
  }

  writeLazily(type: FrameType, channel: number, payload: Uint8Array, delayMs: number): void {
    this.#mux.writeLazily(type, channel, payload, delayMs)
  }

  /** The record with our signature; of one connection none is older than the one before, whatever the clock does. */
  signed(capability: Capability): SignedCapability {
    const { clock, identity } = this.#options
    this.#signedAt = Math.max(this.#signedAt, clock.now())
    const salt = randomBytes(32)
    return signCapability(identity, capability, { issuedAt: this.#signedAt, salt })
  }

  /** Writes what is pending and closes in order; `onEnd` follows. */
  close(code: number, reason: string): void {
    this.#mux.flush()
    this.#state = 'closed'
    this.#socket.close(code, closeReason(reason))
  }

  /** Keep-alive and login time-out; call it a few times a second. `now` of the monotonic clock. */
  tick(now: number): void {
    if (this.#isFlooded()) return
    if (this.#state === 'ready') this.#keepAlive(now)
    else if (this.#state !== 'closed' && now - this.#dialledAt > 2 * DIAL_TIMEOUT_MS) {
      this.#abort('the edge did not finish the login', 'trying again')
    }
  }

  #keepAlive(now: number): void {
    if (now - this.#heardAt > (MISSED_PONGS + 1) * this.#pingIntervalMs) {
      this.#abort('the edge has gone silent', 'reconnecting')
    } else if (now - this.#pingedAt >= this.#pingIntervalMs) {
      this.#pingedAt = now
      this.#socket.send(PING_TEXT)
    }
  }

  #abort(reason: string, nextStep: string): void {
    this.#ownEnd = { reason, nextStep, isFatal: false }
    this.#state = 'closed'
    this.#socket.terminate()
  }

  /** Gives up an edge that asks and asks and does not read; pongs count, which the socket sends by itself. */
  #isFlooded(): boolean {
    if (this.#socket.bufferedAmount <= MAX_SOCKET_BACKLOG_BYTES) return false
    if (this.#state !== 'closed')
      this.#abort('the edge does not read what it asks for', 'reconnecting')
    return true
  }

  #listen(): void {
    const socket = this.#socket
    socket.binaryType = 'nodebuffer'
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary))
    socket.on('close', (code, reason) => this.#end(endOfClose(code, reason.toString())))
    socket.on('error', (error) => {
      this.#ownEnd ??= endOfError(error)
    })
    onRefusal(socket, (end) => this.#end(end))
  }

  #end(end: LinkEnd): void {
    if (this.#ended) return
    this.#ended = true
    this.#state = 'closed'
    this.#options.onEnd(this.#ownEnd ?? end)
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#state === 'closed') return
    this.#heardAt = this.#options.clock.monotonic()
    try {
      if (isBinary && data instanceof Uint8Array) readFrames(data, (frame) => this.#accept(frame))
      else if (data.toString() !== PONG_TEXT) throw new WireError('unexpected text message')
    } catch (error) {
      this.#refuse(error)
    }
  }

  #accept(frame: Frame): void {
    const next = moveLink(this.#state, frame)
    if (this.#state === 'closed') return
    if (next === undefined) {
      throw new WireError(
        `frame type ${frame.type} on channel ${frame.channel} while ${this.#state}`,
      )
    }
    const before = this.#state
    this.#state = next
    if (before === 'dialling') this.#greet(frame.payload)
    else if (before === 'greeting') this.#welcome(frame.payload)
    else this.#options.onFrame(frame)
  }

  #greet(payload: Uint8Array): void {
    const { edge, identity, capability, clock } = this.#options
    const challenge = decodeControl(challengeSchema, payload)
    const hello = answerChallenge(challenge, {
      audience: edge.audience,
      identity,
      capability: this.signed(capability()),
      now: clock.now(),
    })
    this.#mux.write(FRAME.hello, CONNECTION_CHANNEL, encodeControl(hello))
  }

  #welcome(payload: Uint8Array): void {
    const welcome = decodeControl(welcomeSchema, payload)
    this.#welcomedAt = this.#options.clock.monotonic()
    this.#pingIntervalMs = Math.min(welcome.ping_interval_ms, MAX_PING_INTERVAL_MS)
    this.#pingedAt = this.#welcomedAt
    this.#options.onReady(welcome)
  }

  /** What the edge said, or who it says it is, is not acceptable. */
  #refuse(error: unknown): void {
    const isProtocol =
      error instanceof FrameError ||
      error instanceof WireError ||
      error instanceof ChannelTakenError
    if (error instanceof LoginRefusal) {
      const isFatal = error.code === 'version'
      const nextStep = isFatal ? 'start the agent again after that' : 'check --edge; trying again'
      this.#ownEnd = { reason: error.message, nextStep, isFatal }
      this.close(isFatal ? CLOSE.version : CLOSE.unauthorized, error.code)
    } else if (isProtocol) {
      this.#ownEnd = {
        reason: `the edge broke the protocol: ${error.message}`,
        nextStep: 'reconnecting; if this repeats, update infernet-agent and report it',
        isFatal: false,
      }
      this.close(CLOSE.protocol, error.message)
    } else throw error
  }

  #sendMessage(message: Uint8Array): void {
    if (this.#socket.readyState !== WebSocket.OPEN || this.#isFlooded()) return
    this.#socket.send(message, this.#onSent)
    if (!this.#congested && this.#socket.bufferedAmount > SOCKET_HIGH_WATER_BYTES) {
      this.#congested = true
      this.#options.onCongested(true)
    }
  }

  readonly #onSent = (): void => {
    if (this.#congested && this.#socket.bufferedAmount < SOCKET_LOW_WATER_BYTES) {
      this.#congested = false
      this.#options.onCongested(false)
    }
  }
}
