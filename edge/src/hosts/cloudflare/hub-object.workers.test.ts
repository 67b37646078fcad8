import { env, exports } from 'cloudflare:workers'
import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { CLOSE } from '@infernet/schemas/close-codes'
import {
  CONNECTION_CHANNEL,
  encodeFrame,
  FRAME,
  PING_TEXT,
  PONG_TEXT,
  readFrames,
  type Frame,
} from '@infernet/schemas/frame'
import { newJobId, type AccountId, type ApiKeyId, type RequestId } from '@infernet/schemas/ids'
import { loginTranscript } from '@infernet/schemas/login'
import { peerIdOf } from '@infernet/schemas/peer-id'
import {
  challengeSchema,
  decodeControl,
  encodeControl,
  PROVIDER_PATH,
  WS_SUBPROTOCOL,
  type Capability,
  type Hello,
} from '@infernet/schemas/wire'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import { afterEach, describe, expect, it } from 'vitest'
import type { JobOrder } from '../../ports.ts'
import { HUB_NAME, type WorkerEnv } from './env.ts'
import { plainRules } from '../../hub/match-rules.ts'

const bindings = env as unknown as WorkerEnv
const hub = () => bindings.HUB.get(bindings.HUB.idFromName(HUB_NAME))
const price = { prompt: 1, completion: 1 }
const capability: Capability = {
  models: [
    { id: 'tiny', context_length: 128, price, capabilities: [], endpoints: ['chat.completions'] },
  ],
  slots: 2,
  data_collection: 'deny',
  engine: 'test',
  agent: 'test',
}

/** A provider on the other end of a real WebSocket into the object. */
class Provider {
  readonly socket: WebSocket
  readonly #frames: Frame[] = []
  readonly #texts: string[] = []
  #arrived = (): void => {}

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.binaryType = 'arraybuffer'
    socket.accept()
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') this.#texts.push(data)
      else readFrames(new Uint8Array(data as ArrayBuffer), (frame) => this.#frames.push(frame))
      this.#arrived()
    })
  }

  static async connect(): Promise<Provider> {
    const worker = (exports as unknown as { default: Fetcher }).default
    const answer = await worker.fetch(`http://edge.test${PROVIDER_PATH}`, {
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

  async login(): Promise<void> {
    const challenge = decodeControl(challengeSchema, (await this.frame()).payload)
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const unsigned = {
      version: 1,
      peer: peerIdOf(rawKey(publicKey)),
      nonce: challenge.nonce,
      timestamp: Date.now(),
    } satisfies Partial<Hello>
    const signature = sign(null, loginTranscript(challenge, unsigned), privateKey).toString(
      'base64url',
    )
    this.send(
      FRAME.hello,
      CONNECTION_CHANNEL,
      encodeControl({ ...unsigned, signature, capability }),
    )
    expect((await this.frame()).type).toBe(FRAME.welcome)
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#arrived = resolve
    })
  }
}

const rawKey = (key: KeyObject): Uint8Array =>
  key.export({ type: 'spki', format: 'der' }).subarray(-32)

const orderOf = (): JobOrder => ({
  job: newJobId(Date.now()),
  requestId: 'req_1' as RequestId,
  accountId: 'acct_1' as AccountId,
  apiKeyId: 'key' as ApiKeyId,
  model: 'tiny',
  stream: true,
  includeUsage: false,
  n: 1,
  maxOutputTokens: 10,
  messages: 1,
  rules: plainRules('chat.completions', price),
  holdMsat: 100,
  body: encodeUtf8('{}'),
  createdAt: Date.now(),
})

const event = (choice: object): Uint8Array =>
  encodeUtf8(
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'tiny', choices: [choice] })}\n\n`,
  )

async function answerOneJob(provider: Provider): Promise<void> {
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

async function ask(provider: Provider): Promise<string> {
  const [answer] = await Promise.all([hub().submit(orderOf()), answerOneJob(provider)])
  if (answer.kind !== 'stream') throw new Error(`no stream, but ${JSON.stringify(answer)}`)
  return new Response(answer.body).text()
}

describe('the hub object', () => {
  let provider: Provider | undefined
  afterEach(() => provider?.socket.close(1000, 'done'))

  it("logs a provider in and streams its answer across the object's border", async () => {
    provider = await Provider.connect()
    await provider.login()
    const text = await ask(provider)
    expect(text).toContain('"content":"hello"')
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  it('keeps its providers through hibernation', async () => {
    provider = await Provider.connect()
    await provider.login()
    await evictDurableObject(hub())
    expect((await hub().directory()).models.map((model) => model.id)).toEqual(['tiny'])
    expect(await ask(provider)).toContain('"content":"hello"')
  })

  it('answers a ping without the hub', async () => {
    provider = await Provider.connect()
    provider.socket.send(PING_TEXT)
    expect(await provider.text()).toBe(PONG_TEXT)
  })

  it('leaves no timer behind, so that an idle hub can hibernate', async () => {
    provider = await Provider.connect()
    await provider.login()
    await ask(provider)
    const connections = await runInDurableObject(
      hub(),
      (_object, state) => state.getWebSockets().length,
    )
    expect(connections).toBeGreaterThan(0)
  })

  it('closes a provider that talks nonsense', async () => {
    provider = await Provider.connect()
    const closed = new Promise((resolve) =>
      provider?.socket.addEventListener('close', ({ code }) => resolve(code)),
    )
    provider.socket.send(Uint8Array.of(99, 0, 0, 0))
    expect(await closed).toBe(CLOSE.protocol)
  })
})
