import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { exports } from 'cloudflare:workers'
import {
  CONNECTION_CHANNEL,
  encodeFrame,
  FRAME,
  readFrames,
  type Frame,
} from '@infernet/schemas/frame'
import { loginTranscript } from '@infernet/schemas/login'
import { signPayout } from '@infernet/schemas/payout-statement'
import { peerIdOf, type PeerId } from '@infernet/schemas/peer-id'
import { signCapability } from '@infernet/schemas/signed-capability'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import {
  challengeSchema,
  decodeControl,
  encodeControl,
  invoiceRequestSchema,
  PROVIDER_PATH,
  WS_SUBPROTOCOL,
  type Capability,
  type Hello,
  type PayoutWishes,
} from '@infernet/schemas/wire'
import { expect } from 'vitest'

const capability: Capability = {
  models: [
    {
      id: 'tiny',
      context_length: 128,
      price: { prompt: 1, completion: 1 },
      capabilities: [],
      endpoints: ['chat.completions'],
    },
  ],
  slots: 2,
  data_collection: 'deny',
  engine: 'test',
  agent: 'test',
}

/** A provider on the other end of a real WebSocket into the object. */
export class Provider {
  readonly socket: WebSocket
  readonly #frames: Frame[] = []
  readonly #texts: string[] = []
  /** Resolves with the close code. */
  readonly closed: Promise<number>
  #arrived = (): void => {}

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.binaryType = 'arraybuffer'
    socket.accept()
    this.closed = new Promise((resolve) => {
      socket.addEventListener('close', ({ code }) => resolve(code))
    })
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') this.#texts.push(data)
      else readFrames(new Uint8Array(data as ArrayBuffer), (frame) => this.#frames.push(frame))
      this.#arrived()
    })
  }

  /** Connects to this shard, or to whichever the Worker chooses. */
  static async connect(shard?: Fetcher): Promise<Provider> {
    const target = shard ?? (exports as unknown as { default: Fetcher }).default
    const answer = await target.fetch(`http://edge.test${PROVIDER_PATH}`, {
      headers: { upgrade: 'websocket', 'sec-websocket-protocol': WS_SUBPROTOCOL },
    })
    if (answer.webSocket === null) throw new Error(`no WebSocket, but ${answer.status}`)
    return new Provider(answer.webSocket)
  }

  async frame(): Promise<Frame> {
    while (this.#frames.length === 0) await this.#next()
    return this.#frames.shift()!
  }

  async text(): Promise<string> {
    while (this.#texts.length === 0) await this.#next()
    return this.#texts.shift()!
  }

  send(type: Frame['type'], channel: number, payload: Uint8Array = new Uint8Array()): void {
    this.socket.send(encodeFrame(type, channel, payload))
  }

  /** Logs in with a new key, or with `key`, and signs its wishes. Resolves with its name. */
  async login(
    key: KeyPair = generateKeyPairSync('ed25519'),
    wishes?: PayoutWishes,
  ): Promise<PeerId> {
    const challenge = decodeControl(challengeSchema, (await this.frame()).payload)
    const { privateKey, publicKey } = key
    const unsigned = {
      version: 1,
      peer: peerIdOf(rawKey(publicKey)),
      nonce: challenge.nonce,
      timestamp: Date.now(),
    } satisfies Partial<Hello>
    const signature = sign(null, loginTranscript(challenge, unsigned), privateKey).toString(
      'base64url',
    )
    const signer = {
      peer: unsigned.peer,
      sign: (message: Uint8Array) => sign(null, message, privateKey),
    }
    const payout = wishes && signPayout(signer, wishes, unsigned.timestamp)
    const salt = randomBytes(32)
    const record = signCapability(signer, { ...capability, payout }, { issuedAt: Date.now(), salt })
    const hello = { ...unsigned, signature, capability: record }
    this.send(FRAME.hello, CONNECTION_CHANNEL, encodeControl(hello))
    expect((await this.frame()).type).toBe(FRAME.welcome)
    return unsigned.peer
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#arrived = resolve
    })
  }
}

interface KeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const rawKey = (key: KeyObject): Uint8Array =>
  key.export({ type: 'spki', format: 'der' }).subarray(-32)

const event = (choice: object): Uint8Array =>
  encodeUtf8(
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'tiny', choices: [choice] })}\n\n`,
  )

/** Answers the next request for an invoice with its amount, or with an error. */
export async function answerOneInvoice(provider: Provider, error?: string): Promise<void> {
  const { type, channel, payload } = await provider.frame()
  expect(type).toBe(FRAME.invoiceRequest)
  const { id, amount_msat } = decodeControl(invoiceRequestSchema, payload)
  const answer = error === undefined ? { id, bolt11: `lnbc${amount_msat}` } : { id, error }
  provider.send(FRAME.invoice, channel, encodeControl(answer))
}

/** Answers the next job with one word. */
export async function answerOneJob(provider: Provider): Promise<void> {
  const job = await provider.frame()
  expect(job.type).toBe(FRAME.job)
  provider.send(FRAME.accept, job.channel)
  provider.send(FRAME.head, job.channel, encodeControl({}))
  provider.send(
    FRAME.data,
    job.channel,
    event({ index: 0, delta: { content: 'hello' }, finish_reason: null }),
  )
  provider.send(FRAME.data, job.channel, event({ index: 0, delta: {}, finish_reason: 'stop' }))
  provider.send(
    FRAME.end,
    job.channel,
    encodeControl({
      usage: { prompt_tokens: 1, completion_tokens: 1 },
      finish_reason: 'stop',
      output_sha256: '0'.repeat(64),
    }),
  )
}
