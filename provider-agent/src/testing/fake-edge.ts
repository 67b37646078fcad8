import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  decodeRendered,
  decodeScored,
  encodeRenderRequest,
  encodeScoreRequest,
  type Rendered,
  type RenderRequest,
  type Scored,
  type ScoreRequest,
} from '@infernet/schemas/audit-wire'
import { CLOSE } from '@infernet/schemas/close-codes'
import {
  encodeCredit,
  encodeFrame,
  FRAME,
  PING_TEXT,
  PONG_TEXT,
  readFrames,
  type FrameType,
} from '@infernet/schemas/frame'
import { leaseOf, newJobId } from '@infernet/schemas/ids'
import { JOB_WINDOW_BYTES, PING_INTERVAL_MS } from '@infernet/schemas/limits'
import { judgeLogin } from '@infernet/schemas/login'
import { payoutFault } from '@infernet/schemas/payout-statement'
import { openCapability, type OpenedCapability } from '@infernet/schemas/signed-capability'
import {
  decodeControl,
  encodeControl,
  encodeJob,
  endSchema,
  errorSchema,
  helloSchema,
  invoiceSchema,
  PROTOCOL,
  PROVIDER_PATH,
  signedCapabilitySchema,
  WS_SUBPROTOCOL,
  type Capability,
  type Challenge,
  type End,
  type Hello,
  type InvoiceAnswer,
  type InvoiceRequest,
  type JobError,
  type JobHeader,
} from '@infernet/schemas/wire'
import { WebSocketServer, type WebSocket } from 'ws'

export interface FakeEdgeOptions {
  readonly audience?: string
  readonly versions?: { readonly min: number; readonly max: number }
  readonly windowBytes?: number
  readonly pingIntervalMs?: number
  /** Answers the upgrade with this HTTP status instead. */
  readonly refuseWith?: { readonly status: number; readonly body: string }
  /** Answers plain HTTP; without it that gets 404. */
  readonly http?: RequestListener
  /** Stays silent instead of answering `ping`. */
  readonly mute?: boolean
}

/** A frame an agent sent, with its payload copied. */
export interface SeenFrame {
  readonly type: FrameType
  readonly channel: number
  readonly payload: Buffer
}

/** A login, with its capability record opened. */
export type SeenHello = Omit<Hello, 'capability'> & OpenedCapability

/** What an agent answered to one job. */
export interface JobAnswer {
  readonly text: string
  readonly types: readonly FrameType[]
  readonly end: End | undefined
  readonly error: JobError | undefined
}

/** One agent's connection, seen from the edge. */
export class FakeSession {
  readonly socket: WebSocket
  readonly frames: SeenFrame[] = []
  /** Frames of each message, to see what travelled together. */
  readonly messages: SeenFrame[][] = []
  hello: SeenHello | undefined
  /** How often it has said `ping`. */
  pings = 0
  closed: { readonly code: number; readonly reason: string } | undefined
  #wake = new Set<() => void>()

  constructor(socket: WebSocket) {
    this.socket = socket
  }

  saw(message: Buffer): void {
    const frames: SeenFrame[] = []
    readFrames(message, ({ type, channel, payload }) => {
      frames.push({ type, channel, payload: Buffer.from(payload) })
    })
    this.messages.push(frames)
    this.frames.push(...frames)
    this.#notify()
  }

  sawPing(): void {
    this.pings++
    this.#notify()
  }

  sawClose(code: number, reason: string): void {
    this.closed = { code, reason }
    this.#notify()
  }

  #notify(): void {
    for (const wake of this.#wake) wake()
  }

  /** Resolves with the first value `find` gives, looking again after each message. */
  async until<T>(find: () => T | undefined, what: string, timeoutMs = 10_000): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const look = (): void => {
      const value = find()
      if (value !== undefined) resolve(value)
    }
    const timer = setTimeout(() => reject(new Error(`no ${what} in ${timeoutMs} ms`)), timeoutMs)
    this.#wake.add(look)
    look()
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#wake.delete(look)
    }
  }

  send(type: FrameType, channel: number, payload: Uint8Array): void {
    this.socket.send(encodeFrame(type, channel, payload))
  }

  /** Gives a job; the answer comes with {@link answer}. */
  give(channel: number, body: unknown, header: Partial<JobHeader> = {}): JobHeader {
    const job = newJobId(Date.now())
    const full: JobHeader = {
      job,
      lease: leaseOf(job, 1),
      endpoint: 'chat.completions',
      continues: false,
      model: 'infernet-demo',
      stream: true,
      include_usage: false,
      seed: 7,
      max_output_tokens: 64,
      deadline_ms: 30_000,
      price: { prompt: 100_000, completion: 400_000 },
      ...header,
    }
    this.send(FRAME.job, channel, encodeJob(full, Buffer.from(JSON.stringify(body))))
    return full
  }

  cancel(channel: number): void {
    this.send(FRAME.cancel, channel, encodeControl({ reason: 'client left' }))
  }

  credit(channel: number, bytes: number): void {
    this.send(FRAME.credit, channel, encodeCredit(bytes))
  }

  /** Asks for an invoice; resolves with the answer that has its id. */
  askInvoice(request: InvoiceRequest): Promise<InvoiceAnswer> {
    this.send(FRAME.invoiceRequest, 0, encodeControl(request))
    const answers = () =>
      this.of(0, FRAME.invoice).map(({ payload }) => decodeControl(invoiceSchema, payload))
    return this.until(() => answers().find(({ id }) => id === request.id), 'invoice', 30_000)
  }

  /** Wants an answer scored; resolves with what has its id. */
  askScore(request: ScoreRequest): Promise<Scored> {
    this.send(FRAME.score, 0, encodeScoreRequest(request))
    const answers = () => this.of(0, FRAME.scored).map(({ payload }) => decodeScored(payload))
    return this.until(() => answers().find(({ id }) => id === request.id), 'score', 30_000)
  }

  /** Wants a request rendered; resolves with what has its id. */
  askRender(request: RenderRequest): Promise<Rendered> {
    this.send(FRAME.render, 0, encodeRenderRequest(request))
    const answers = () => this.of(0, FRAME.rendered).map(({ payload }) => decodeRendered(payload))
    return this.until(() => answers().find(({ id }) => id === request.id), 'rendering', 30_000)
  }

  of(channel: number, type?: FrameType): SeenFrame[] {
    return this.frames.filter(
      (f) => f.channel === channel && (type === undefined || f.type === type),
    )
  }

  bytesOn(channel: number): number {
    return this.of(channel, FRAME.data).reduce((sum, { payload }) => sum + payload.length, 0)
  }

  /** The capability last sent. */
  get capability(): Capability | undefined {
    const last = this.of(0, FRAME.capability).at(-1)
    if (last === undefined || this.hello === undefined) return this.hello?.capability
    const signed = decodeControl(signedCapabilitySchema, last.payload)
    return openCapability(this.hello.peer, signed).capability
  }

  /** Waits for a job's `end`, `error` or `busy`. */
  async answer(channel: number, timeoutMs?: number): Promise<JobAnswer> {
    const last = [FRAME.end, FRAME.error, FRAME.busy] as const
    await this.until(
      () => last.map((type) => this.of(channel, type)[0]).find((frame) => frame !== undefined),
      `end of channel ${channel}`,
      timeoutMs,
    )
    const frames = this.of(channel)
    const end = frames.find(({ type }) => type === FRAME.end)
    const error = frames.find(({ type }) => type === FRAME.error)
    return {
      text: Buffer.concat(this.of(channel, FRAME.data).map(({ payload }) => payload)).toString(),
      types: frames.map(({ type }) => type),
      end: end && decodeControl(endSchema, end.payload),
      error: error && decodeControl(errorSchema, error.payload),
    }
  }
}

/** The edge's side of the protocol, for tests: logs agents in, gives jobs, keeps what it saw. */
export class FakeEdge {
  readonly sessions: FakeSession[] = []
  options: FakeEdgeOptions
  readonly #server: Server
  readonly #sockets: WebSocketServer
  #onSession: (() => void) | undefined

  constructor(options: FakeEdgeOptions = {}) {
    this.options = options
    this.#server = createServer((request, response) => {
      const { http } = this.options
      if (http === undefined) response.writeHead(404).end()
      else http(request, response)
    })
    this.#sockets = new WebSocketServer({
      noServer: true,
      handleProtocols: (offered) => (offered.has(WS_SUBPROTOCOL) ? WS_SUBPROTOCOL : false),
    })
    this.#server.on('upgrade', (request, socket, head) => {
      // An agent that is killed while it is refused.
      socket.on('error', () => {})
      const { refuseWith } = this.options
      if (refuseWith !== undefined || request.url !== PROVIDER_PATH) {
        const { status, body } = refuseWith ?? { status: 404, body: '' }
        socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
        return
      }
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#welcome(ws))
    })
  }

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

  /** Waits until the n-th agent (from 1) has been welcomed. */
  async session(n = 1): Promise<FakeSession> {
    for (;;) {
      const session = this.sessions.filter(({ hello }) => hello !== undefined)[n - 1]
      if (session !== undefined) return session
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#onSession = resolve
      await promise
    }
  }

  async close(): Promise<void> {
    for (const { socket } of this.sessions) socket.terminate()
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #welcome(socket: WebSocket): void {
    const session = new FakeSession(socket)
    this.sessions.push(session)
    const challenge = {
      versions: this.options.versions ?? PROTOCOL,
      audience: this.options.audience ?? '127.0.0.1',
      nonce: randomBytes(32).toString('base64url'),
      now: Date.now(),
    }
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) {
        if (data.toString() !== PING_TEXT) return
        session.sawPing()
        if (!this.options.mute) socket.send(PONG_TEXT)
        return
      }
      session.saw(data)
      const hello = session.hello === undefined ? session.of(0, FRAME.hello)[0] : undefined
      if (hello === undefined) return
      void this.#logIn(session, challenge, decodeControl(helloSchema, hello.payload))
    })
    socket.on('close', (code, reason) => session.sawClose(code, reason.toString()))
    session.send(FRAME.challenge, 0, encodeControl(challenge))
  }

  async #logIn(session: FakeSession, challenge: Challenge, login: Hello): Promise<void> {
    const fault = await judgeLogin(challenge, login, Date.now())
    if (fault !== undefined) return session.socket.close(CLOSE.unauthorized, fault.message)
    const opened = openCapability(login.peer, login.capability)
    const unsigned = payoutFault(login.peer, opened.capability)
    if (unsigned !== undefined) return session.socket.close(CLOSE.payout, unsigned)
    session.hello = { ...login, ...opened }
    session.send(FRAME.welcome, 0, encodeControl(this.#welcomePayload()))
    this.#onSession?.()
  }

  #welcomePayload(): object {
    return {
      version: PROTOCOL.max,
      session: 'test',
      ping_interval_ms: this.options.pingIntervalMs ?? PING_INTERVAL_MS,
      window_bytes: this.options.windowBytes ?? JOB_WINDOW_BYTES,
    }
  }
}
