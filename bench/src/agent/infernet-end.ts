import { randomBytes } from 'node:crypto'
import {
  CONNECTION_CHANNEL,
  encodeFrame,
  FRAME,
  PONG_TEXT,
  readFrames,
  type Frame,
  type FrameType,
} from '@infernet/schemas/frame'
import { leaseOf, newJobId } from '@infernet/schemas/ids'
import { JOB_WINDOW_BYTES, PING_INTERVAL_MS } from '@infernet/schemas/limits'
import { fromBase64Url, parseStatement } from '@infernet/schemas/receipt'
import { openCapability } from '@infernet/schemas/signed-capability'
import {
  decodeControl,
  encodeControl,
  encodeJob,
  helloSchema,
  PROTOCOL,
  receiptsSchema,
  signedCapabilitySchema,
  WS_SUBPROTOCOL,
  type Capability,
  type Hello,
  type JobHeader,
  type SignedCapability,
} from '@infernet/schemas/wire'
import type { WebSocket } from 'ws'
import { monotonicMicros } from '../clock.ts'
import { LOOPBACK } from '../loopback.ts'
import { modelOf } from './agent-load.ts'
import { listenForAgent, type EdgeEnd } from './edge-end.ts'
import type { WatchedJob } from './watched-job.ts'

const DEADLINE_MS = 60_000

/**
 * The edge's end of our agent: lets anybody in, gives jobs, acknowledges receipts at once. No credit is ever
 * due: all answers are smaller than a job's window. With `shown`, it waits until the model has a spec.
 */
export async function startInfernetEnd(shown: boolean): Promise<EdgeEnd> {
  const offered = Promise.withResolvers<void>()
  let session: Session | undefined
  const options = {
    handleProtocols: (names: Set<string>) => names.has(WS_SUBPROTOCOL) && WS_SUBPROTOCOL,
  }
  const server = await listenForAgent(options, (socket) => {
    session = new Session(socket, ({ models }) => {
      const model = models.find(({ id }) => id === modelOf({ shown }))
      if (model !== undefined && (!shown || model.spec !== undefined)) offered.resolve()
    })
  })
  return {
    host: server.host,
    ready: offered.promise,
    give: (job, body) => session?.give(job, body),
    [Symbol.dispose]: () => server[Symbol.dispose](),
  }
}

/** One agent's connection. */
class Session {
  readonly #socket: WebSocket
  readonly #onCapability: (capability: Capability) => void
  readonly #jobs = new Map<number, WatchedJob>()
  #channel = 0
  #peer = ''

  constructor(socket: WebSocket, onCapability: (capability: Capability) => void) {
    this.#socket = socket
    this.#onCapability = onCapability
    socket.on('message', (message: Buffer, isBinary) => {
      const atUs = monotonicMicros()
      if (isBinary) readFrames(message, (frame) => this.#take(frame, atUs))
      else socket.send(PONG_TEXT)
    })
    this.#send(FRAME.challenge, CONNECTION_CHANNEL, {
      versions: PROTOCOL,
      audience: LOOPBACK,
      nonce: randomBytes(32).toString('base64url'),
      now: Date.now(),
    })
  }

  give(job: WatchedJob, body: Buffer): void {
    const channel = ++this.#channel
    this.#jobs.set(channel, job)
    const id = newJobId(Date.now())
    const header: JobHeader = {
      job: id,
      lease: leaseOf(id, 1),
      endpoint: 'chat.completions',
      continues: false,
      model: modelOf(job.load),
      seed: job.number,
      stream: job.load.stream,
      include_usage: false,
      max_output_tokens: 256,
      deadline_ms: DEADLINE_MS,
      price: { prompt: 100_000, completion: 400_000 },
    }
    const frame = encodeFrame(FRAME.job, channel, encodeJob(header, body))
    job.sent(monotonicMicros())
    this.#socket.send(frame)
  }

  #take({ type, channel, payload }: Frame, atUs: number): void {
    const job = this.#jobs.get(channel)
    switch (type) {
      case FRAME.data:
        return job?.got(payload, atUs)
      case FRAME.end:
        this.#jobs.delete(channel)
        return job?.ended()
      case FRAME.error:
      case FRAME.busy:
        this.#jobs.delete(channel)
        return job?.failed(Buffer.from(payload).toString())
      case FRAME.hello:
        this.#login(decodeControl(helloSchema, payload))
        return this.#welcome()
      case FRAME.capability:
        return this.#tell(decodeControl(signedCapabilitySchema, payload))
      case FRAME.receipts:
        return this.#acknowledge(payload)
    }
  }

  #login({ capability, peer }: Hello): void {
    this.#peer = peer
    this.#tell(capability)
  }

  #tell(signed: SignedCapability): void {
    this.#onCapability(openCapability(this.#peer, signed).capability)
  }

  #welcome(): void {
    this.#send(FRAME.welcome, CONNECTION_CHANNEL, {
      version: PROTOCOL.max,
      session: 'bench',
      ping_interval_ms: PING_INTERVAL_MS,
      window_bytes: JOB_WINDOW_BYTES,
    })
  }

  #acknowledge(payload: Uint8Array): void {
    const { statements } = decodeControl(receiptsSchema, payload)
    const results = statements.map((text) => ({
      lease: parseStatement(fromBase64Url(text))?.lease,
      status: 'stored',
    }))
    this.#send(FRAME.receiptAck, CONNECTION_CHANNEL, { results })
  }

  #send(type: FrameType, channel: number, value: unknown): void {
    this.#socket.send(encodeFrame(type, channel, encodeControl(value)))
  }
}
