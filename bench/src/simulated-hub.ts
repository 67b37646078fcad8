import { randomBytes } from 'node:crypto'
import { EdgeEvents } from '@infernet/edge/events'
import { parseTimeouts } from '@infernet/edge/hub/job-timeouts'
import { plainRules } from '@infernet/edge/hub/match-rules'
import type { HubSocket } from '@infernet/edge/hub/hub-connections'
import { ProviderHub } from '@infernet/edge/hub/provider-hub'
import type { JobOrder } from '@infernet/edge/ports'
import { newApiKey } from '@infernet/schemas/api-key'
import { encodeFrame, FRAME, readFrames } from '@infernet/schemas/frame'
import { type JobId, newAccountId, newJobId, newRequestId } from '@infernet/schemas/ids'
import { peerIdOf } from '@infernet/schemas/peer-id'
import { type Capability, encodeControl } from '@infernet/schemas/wire'
import { AuditKeys } from '@infernet/edge/audit/audit-keys'

/** Jobs that run at any time; the same with every number of providers, so that only that differs. */
export const JOBS_AT_ONCE = 16
/** One provider alone must have room for all of them. */
const SLOTS = 2 * JOBS_AT_ONCE
const MODEL = 'simulated'
/** Prices and speeds differ a little, as they do between strangers. */
const PRICES = 8
const NOW = Date.UTC(2026, 0, 1)

/** Numbers in [0, 1) that are the same in every run (an LCG of Numerical Recipes). */
function seededRandom(): () => number {
  let state = 1
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/**
 * Processor time of all threads of this process, the collector's included: neighbours on a shared
 * machine disturb it least.
 */
function cpuNs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) * NS_PER_US
}

/** Processor time; means over many jobs. */
export interface JobCost {
  /** From the order to the job's frame on a provider's socket: match, lease, encode. */
  readonly dispatchNs: number
  /** From the order to the record: the same, and the answer and its settlement. */
  readonly jobNs: number
}

const NS_PER_US = 1_000

/** A job that a simulated provider was given. */
interface Given {
  readonly socket: HubSocket
  readonly channel: number
}

/** The real hub with providers that are objects, and clients that want one short JSON answer each. */
export class SimulatedHub {
  readonly providers: number
  readonly #random = seededRandom()
  readonly #hub: ProviderHub
  readonly #given: Given[] = []
  readonly #account = newAccountId(NOW)
  readonly #apiKey = newApiKey().id
  readonly #reply = new ReplyTemplate()
  #completed = 0
  #now = NOW

  constructor(providers: number) {
    this.providers = providers
    this.#hub = new ProviderHub({
      timeouts: parseTimeouts(undefined),
      byteStreams: false,
      schedule: (flush) => flush(),
      // Deadlines and sweeps: no simulated job is ever late.
      later: () => undefined,
      now: () => this.#now,
      random: this.#random,
      settle: ({ status }) => {
        if (status === 'completed') this.#completed++
      },
      store: {
        storeReceipts: () => Promise.resolve([]),
        providerSeen: () => Promise.resolve(),
      },
      events: new EdgeEvents(() => undefined),
      audit: new AuditKeys(new Uint8Array(32)),
    })
    for (let i = 0; i < providers; i++) this.#connect(i)
  }

  /**
   * Runs `batches` times {@link JOBS_AT_ONCE} jobs, each from its order to its record.
   * @throws {Error} when one of them did not complete
   */
  async run(batches: number): Promise<JobCost> {
    const jobs = batches * JOBS_AT_ONCE
    const before = this.#completed
    let [dispatch, rest] = [0, 0]
    for (let batch = 0; batch < batches; batch++) {
      const orders = Array.from({ length: JOBS_AT_ONCE }, () => this.#order(newJobId(NOW)))
      const start = cpuNs()
      for (const order of orders) {
        // Time goes on, so that measures fade and averages move as they do in a live hub.
        this.#now++
        void this.#hub.submit(order)
      }
      const dispatched = cpuNs()
      while (this.#given.length > 0) this.#finishAny()
      // What waits for promises runs now.
      await undefined
      const ended = cpuNs()
      dispatch += dispatched - start
      rest += ended - dispatched
    }
    const missing = jobs - (this.#completed - before)
    if (missing !== 0) throw new Error(`${missing} of ${jobs} simulated jobs did not complete`)
    return { dispatchNs: dispatch / jobs, jobNs: (dispatch + rest) / jobs }
  }

  #connect(index: number): void {
    const socket: HubSocket = {
      send: (message) => this.#receive(socket, message),
      close: (_code, reason) => {
        throw new Error(`the hub cut a simulated provider off: ${reason}`)
      },
      bufferedBytes: () => 0,
      save: () => undefined,
    }
    const capability: Capability = {
      models: [
        {
          id: MODEL,
          context_length: 8192,
          price: { prompt: 1_000_000 + (index % PRICES) * 10_000, completion: 2_000_000 },
          capabilities: ['tools'],
          endpoints: ['chat.completions'],
        },
      ],
      slots: SLOTS,
      data_collection: 'deny',
      engine: 'simulated',
      agent: 'bench',
    }
    const peer = peerIdOf(randomBytes(32))
    this.#hub.restored(socket, { stage: 'ready', peer, capability })
  }

  #receive(socket: HubSocket, message: Uint8Array | string): void {
    if (typeof message === 'string') return
    readFrames(message, ({ type, channel }) => {
      if (type === FRAME.job) this.#given.push({ socket, channel })
    })
  }

  /** One of the running jobs ends, any of them. */
  #finishAny(): void {
    const at = Math.floor(this.#random() * this.#given.length)
    const last = this.#given.pop()
    if (last === undefined) return
    const given = this.#given[at] ?? last
    if (at < this.#given.length) this.#given[at] = last
    void this.#hub.received(given.socket, this.#reply.on(given.channel))
  }

  #order(job: JobId): JobOrder {
    return {
      job,
      requestId: newRequestId(NOW),
      accountId: this.#account,
      apiKeyId: this.#apiKey,
      model: MODEL,
      stream: false,
      continuable: false,
      includeUsage: false,
      n: 1,
      maxOutputTokens: 100,
      maxTokens: 200,
      messages: 1,
      rules: plainRules('chat.completions', { prompt: 1e12, completion: 1e12 }, ['tools']),
      holdMsat: 1_000_000,
      body: REQUEST,
      createdAt: NOW,
    }
  }
}

const utf8 = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

const REQUEST = utf8({ model: MODEL, messages: [{ role: 'user', content: 'Count to three.' }] })
const USAGE = { prompt_tokens: 10, completion_tokens: 3 }
const ANSWER = utf8({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: MODEL,
  choices: [
    { index: 0, message: { role: 'assistant', content: 'one two three' }, finish_reason: 'stop' },
  ],
  usage: { ...USAGE, total_tokens: 13 },
})

/** A whole answer in one message, copied for each job, so that providers cost as little as can be. */
class ReplyTemplate {
  readonly #message: Uint8Array
  /** Where each frame's channel stands; see `writeFrame`. */
  readonly #channelsAt: readonly number[]

  constructor() {
    const end = { usage: USAGE, finish_reason: 'stop', output_sha256: '0'.repeat(64) }
    const nothing = new Uint8Array()
    const frames = [
      encodeFrame(FRAME.accept, 1, nothing),
      encodeFrame(FRAME.head, 1, encodeControl({})),
      encodeFrame(FRAME.data, 1, ANSWER),
      encodeFrame(FRAME.end, 1, encodeControl(end)),
    ]
    this.#message = Buffer.concat(frames)
    let at = 0
    this.#channelsAt = frames.map((frame) => {
      const channelAt = at + 4
      at += frame.length
      return channelAt
    })
  }

  on(channel: number): Uint8Array {
    const message = new Uint8Array(this.#message)
    const view = new DataView(message.buffer)
    for (const at of this.#channelsAt) view.setUint32(at, channel)
    return message
  }
}
