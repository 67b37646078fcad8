import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import {
  CONNECTION_CHANNEL,
  encodeFrame,
  FRAME,
  readFrames,
  readU32,
  type Frame,
  type FrameType,
} from '@infernet/schemas/frame'
import {
  decodeRenderRequest,
  decodeScoreRequest,
  encodeOpening,
  encodeRendered,
  encodeScored,
  openRequestSchema,
  type OpenRequest,
  type Rendered,
  type RenderRequest,
  type Scored,
  type ScoreRequest,
} from '@infernet/schemas/audit-wire'
import { loginTranscript } from '@infernet/schemas/login'
import { peerIdOf, type PeerId } from '@infernet/schemas/peer-id'
import {
  batchToSign,
  encodeStatement,
  toBase64Url,
  type ReceiptStatement,
} from '@infernet/schemas/receipt'
import { signCapability } from '@infernet/schemas/signed-capability'
import { encodeTranscript, type Transcript } from '@infernet/schemas/transcript'
import {
  challengeSchema,
  decodeControl,
  decodeJob,
  encodeControl,
  invoiceRequestSchema,
  receiptAckSchema,
  type Capability,
  type Challenge,
  type End,
  type Hello,
  type InvoiceRequest,
  type JobError,
  type JobHeader,
  type ModelOffer,
  type ReceiptAck,
  type SignedCapability,
} from '@infernet/schemas/wire'
import { concatenate } from '../hub/job-body.ts'
import type { ConnectionState, HubSocket } from '../hub/hub-connections.ts'
import type { ProviderHub } from '../hub/provider-hub.ts'
import { Mailbox } from './mailbox.ts'

export const AUDIENCE = 'edge.test'
const NOTHING = new Uint8Array()

/** An offer of a model, by default at 1 and 2 msat per token. */
export const modelOffer = (id: string, fields: Partial<ModelOffer> = {}): ModelOffer => ({
  id,
  context_length: 1000,
  price: { prompt: 1_000_000, completion: 2_000_000 },
  capabilities: [],
  endpoints: ['chat.completions'],
  ...fields,
})

/** A key pair with its name; keep it to log in twice as the same provider. */
export interface ProviderKey {
  readonly peer: PeerId
  readonly privateKey: KeyObject
  readonly sign: (message: Uint8Array) => Uint8Array
}

export function newProviderKey(): ProviderKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return { peer: peerIdOf(raw), privateKey, sign: (message) => sign(null, message, privateKey) }
}

/** A message of one frame whose type nobody knows. */
export function unknownFrame(): Uint8Array {
  const frame = encodeFrame(FRAME.accept, CONNECTION_CHANNEL, NOTHING)
  frame[0] = 99
  return frame
}

/** One offered job, as a provider sees it. Every method sends one message; all may be illegal. */
export class FakeJob {
  readonly header: JobHeader
  readonly body: Uint8Array
  readonly channel: number
  /** Reasons of the cancel frames that came for it. */
  readonly cancels: string[] = []
  /** Bytes of its window that came back, frame by frame. */
  readonly credits: number[] = []
  readonly #provider: FakeProvider
  readonly #output = createHash('sha256')

  constructor(provider: FakeProvider, channel: number, payload: Uint8Array) {
    const { header, body } = decodeJob(payload.slice())
    this.header = header
    this.body = body
    this.channel = channel
    this.#provider = provider
  }

  frame(type: FrameType, payload: Uint8Array = NOTHING): Uint8Array {
    return encodeFrame(type, this.channel, payload)
  }

  accept(): this {
    return this.#send(this.frame(FRAME.accept))
  }

  busy(retryAfterMs = 100): this {
    const busy = { reason: 'slots', retry_after_ms: retryAfterMs }
    return this.#send(this.frame(FRAME.busy, encodeControl(busy)))
  }

  /** accept and head in one message: the engine has begun to answer. */
  begin(): this {
    return this.#send(this.frame(FRAME.accept), this.frame(FRAME.head, encodeControl({})))
  }

  /** The engine has begun to answer a job that was accepted. */
  head(): this {
    return this.#send(this.frame(FRAME.head, encodeControl({})))
  }

  /** One data frame. */
  data(bytes: Uint8Array | string): this {
    const payload = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
    this.#output.update(payload)
    return this.#send(this.frame(FRAME.data, payload))
  }

  end(fields: Partial<End> = {}): this {
    return this.#send(this.endFrame(fields))
  }

  endFrame(fields: Partial<End> = {}): Uint8Array {
    const end = {
      usage: { prompt_tokens: 10, completion_tokens: 3 },
      finish_reason: 'stop',
      output_sha256: this.#output.copy().digest('hex'),
      ...fields,
    }
    return this.frame(FRAME.end, encodeControl(end))
  }

  error(fields: Partial<JobError> = {}): this {
    const error = { fault: 'provider', code: 'engine_down', message: 'The engine died.', ...fields }
    return this.#send(this.frame(FRAME.error, encodeControl(error)))
  }

  /** The statement that an honest provider signs for this job. */
  statement(fields: Partial<ReceiptStatement> = {}): ReceiptStatement {
    return {
      v: 1,
      job: this.header.job,
      lease: this.header.lease,
      provider: this.#provider.peer,
      model: this.header.model,
      engine: 'fake',
      usage: { prompt_tokens: 10, completion_tokens: 3 },
      price: this.header.price,
      finish_reason: 'stop',
      output_sha256: this.#output.copy().digest('hex'),
      output_bytes: 0,
      started_at: 0,
      ended_at: 0,
      ...fields,
    }
  }

  #send(...frames: Uint8Array[]): this {
    this.#provider.send(...frames)
    return this
  }
}

/** A provider in this process: real keys and real wire v1 frames over a socket that is an object. */
export class FakeProvider {
  readonly key: ProviderKey
  readonly socket: HubSocket
  /** Jobs in the order of their offers; take them with `next`. */
  readonly jobs = new Mailbox<FakeJob>()
  readonly acks = new Mailbox<ReceiptAck>()
  readonly invoiceRequests = new Mailbox<InvoiceRequest>()
  readonly openRequests = new Mailbox<OpenRequest>()
  readonly scoreRequests = new Mailbox<ScoreRequest>()
  readonly renderRequests = new Mailbox<RenderRequest>()
  /** Renders at once; false leaves it to the test, which takes `renderRequests`. */
  renders: false | ((request: RenderRequest) => Rendered) = ({ id }) => ({
    id,
    error: 'the engine cannot render',
  })
  readonly texts: string[] = []
  /** Connection frames other than those above, by type. */
  readonly control: FrameType[] = []
  /** What the hub saved last, for `restored`. */
  saved: ConnectionState | undefined
  closed: { code: number; reason: string } | undefined
  unsentBytes = 0
  readonly #hub: ProviderHub
  readonly #byChannel = new Map<number, FakeJob>()
  #challenge: Challenge | undefined
  /** Of the latest capability record. */
  #issuedAt = 0

  constructor(hub: ProviderHub, key = newProviderKey()) {
    this.#hub = hub
    this.key = key
    this.socket = {
      send: (message) => this.#receive(message),
      close: (code, reason) => {
        this.closed ??= { code, reason }
      },
      bufferedBytes: () => this.unsentBytes,
      save: (state) => {
        this.saved = state
      },
    }
  }

  get peer(): PeerId {
    return this.key.peer
  }

  /** Connects and receives the challenge. */
  connect(): this {
    this.#hub.connected(this.socket, AUDIENCE)
    return this
  }

  /** The answer to the challenge; `now` is this machine's clock, `challenge` another's to replay. */
  hello(options: {
    capability: Capability
    now: number
    version?: number
    challenge?: Challenge
    key?: ProviderKey
  }): Hello {
    const challenge = options.challenge ?? this.challenge
    const hello = {
      version: options.version ?? 1,
      peer: this.peer,
      nonce: randomBytes(32).toString('base64url'),
      timestamp: options.now,
    }
    const signer = (options.key ?? this.key).privateKey
    const signature = sign(null, loginTranscript(challenge, hello), signer).toString('base64url')
    return { ...hello, signature, capability: this.signed(options.capability, options.now) }
  }

  /** A capability record with its signature, by default as old as the one before it. */
  signed(capability: Capability, issuedAt = this.#issuedAt): SignedCapability {
    this.#issuedAt = issuedAt
    return signCapability(this.key, capability, { issuedAt, salt: randomBytes(32) })
  }

  /** Tells what it can do now. */
  announce(capability: Capability, issuedAt?: number): void {
    this.sendControl(FRAME.capability, this.signed(capability, issuedAt))
  }

  get challenge(): Challenge {
    if (this.#challenge === undefined) throw new Error('no challenge has come')
    return this.#challenge
  }

  /** Sends a hello and waits for the verdict. */
  async login(hello: Hello): Promise<this> {
    await this.deliver(encodeFrame(FRAME.hello, CONNECTION_CHANNEL, encodeControl(hello)))
    return this
  }

  /** Sends one message made of these frames. */
  send(...frames: Uint8Array[]): void {
    void this.deliver(concatenate(frames))
  }

  /** Sends a control frame on the connection's own channel. */
  sendControl(type: FrameType, value: unknown): void {
    this.send(encodeFrame(type, CONNECTION_CHANNEL, encodeControl(value)))
  }

  /** Shows a transcript, or that there is none any more. */
  open(lease: string, transcript: Transcript | undefined): void {
    const opening = encodeOpening(lease, transcript && encodeTranscript(transcript))
    this.send(encodeFrame(FRAME.opening, CONNECTION_CHANNEL, opening))
  }

  /** Says what it has computed, or why not. */
  scored(scored: Scored): void {
    this.send(encodeFrame(FRAME.scored, CONNECTION_CHANNEL, encodeScored(scored)))
  }

  /** Says what request and answer are to it, or why not. */
  rendered(rendered: Rendered): void {
    this.send(encodeFrame(FRAME.rendered, CONNECTION_CHANNEL, encodeRendered(rendered)))
  }

  /** Hands any message to the hub, as its host would. */
  deliver(message: Uint8Array | string): Promise<void> {
    return this.#hub.received(this.socket, message)
  }

  /** Signs a batch of receipts, by default with its own key, and sends it. */
  sendReceipts(statements: readonly ReceiptStatement[], signer = this.key): void {
    const encoded = statements.map(encodeStatement)
    const signature = sign(null, batchToSign(encoded), signer.privateKey)
    this.sendControl(FRAME.receipts, {
      signature: toBase64Url(signature),
      statements: encoded.map(toBase64Url),
    })
  }

  /** The connection breaks. */
  vanish(): void {
    this.#hub.disconnected(this.socket)
  }

  #receive(message: Uint8Array | string): void {
    if (typeof message === 'string') this.texts.push(message)
    else readFrames(message, (frame) => this.#handle(frame))
  }

  #handle({ type, channel, payload }: Frame): void {
    const job = this.#byChannel.get(channel)
    switch (type) {
      case FRAME.challenge:
        this.#challenge = decodeControl(challengeSchema, payload)
        return
      case FRAME.job: {
        const offered = new FakeJob(this, channel, payload)
        this.#byChannel.set(channel, offered)
        return this.jobs.put(offered)
      }
      case FRAME.cancel:
        job?.cancels.push(new TextDecoder().decode(payload))
        return
      case FRAME.credit:
        job?.credits.push(readU32(payload, 0))
        return
      case FRAME.receiptAck:
        return this.acks.put(decodeControl(receiptAckSchema, payload))
      case FRAME.invoiceRequest:
        return this.invoiceRequests.put(decodeControl(invoiceRequestSchema, payload))
      case FRAME.score:
        return this.scoreRequests.put(decodeScoreRequest(payload.slice()))
      case FRAME.render: {
        const request = decodeRenderRequest(payload)
        if (this.renders === false) return this.renderRequests.put(request)
        return this.rendered(this.renders(request))
      }
      case FRAME.openRequest:
        return this.openRequests.put(decodeControl(openRequestSchema, payload))
      default:
        this.control.push(type)
    }
  }
}
