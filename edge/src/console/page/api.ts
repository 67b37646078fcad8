import { ApiProblem, problemOf } from './api-problem.ts'
import type {
  Credits,
  KeyInfo,
  Model,
  TopUp,
  TopUpList,
  UsageDay,
  Withdrawal,
  WithdrawalList,
} from './api-types.ts'
import { EventData } from './event-data.ts'

/** An answer that takes longer is not waited for; an ordered invoice may take 5 s. */
const ANSWER_TIMEOUT_MS = 20_000

/** A stream says at once how things are. */
const FIRST_EVENT_MS = 5_000
/** Then it says at least every 10 s that it is there. */
const NEXT_EVENT_MS = 25_000

/** This server's API under one key, until `signal` says that it is signed out. Methods throw {@link ApiProblem}. */
export class Api {
  readonly #key: string
  readonly signal: AbortSignal
  readonly #fetch: typeof fetch

  constructor(key: string, signal: AbortSignal, fetcher: typeof fetch = fetch) {
    this.#key = key
    this.signal = signal
    this.#fetch = (...args) => fetcher(...args)
  }

  keyInfo = async (): Promise<KeyInfo> => (await this.#get<{ data: KeyInfo }>('/key')).data

  credits = async (): Promise<Credits> => (await this.#get<{ data: Credits }>('/credits')).data

  models = async (): Promise<readonly Model[]> =>
    (await this.#get<{ data: readonly Model[] }>('/models')).data

  usage = async (days: number): Promise<readonly UsageDay[]> =>
    (await this.#get<{ data: readonly UsageDay[] }>(`/usage?days=${days}`)).data

  topUps = (limit: number): Promise<TopUpList> => this.#get(`/billing/topups?limit=${limit}`)

  topUp = (id: string): Promise<TopUp> => this.#get(`/billing/topups/${id}`)

  /** `once`: the same text is the same order. */
  orderTopUp = (order: object, once: string): Promise<TopUp> =>
    this.#post('/billing/topups', order, once)

  withdrawals = (limit: number): Promise<WithdrawalList> =>
    this.#get(`/billing/withdrawals?limit=${limit}`)

  withdrawal = (id: string): Promise<Withdrawal> => this.#get(`/billing/withdrawals/${id}`)

  orderWithdrawal = (order: object, once: string): Promise<Withdrawal> =>
    this.#post('/billing/withdrawals', order, once)

  /** The invoice of a top-up, drawn. */
  async qr(id: string): Promise<Blob> {
    const response = await this.#ask(`/billing/topups/${id}/qr`, {}, inTime())
    return new Blob([await response.arrayBuffer()], { type: 'image/svg+xml' })
  }

  /**
   * A top-up now and whenever it changes, until it is over, the stream ends, or `signal` is aborted. Throws when
   * nothing comes: some proxies hold streams back.
   */
  async *topUpEvents(id: string, signal: AbortSignal): AsyncGenerator<TopUp, void> {
    const silence = new Silence(FIRST_EVENT_MS)
    try {
      const until = AbortSignal.any([signal, silence.signal])
      const response = await this.#ask(`/billing/topups/${id}/events`, {}, until)
      const reader = response.body?.getReader()
      const [decoder, events] = [new TextDecoder(), new EventData()]
      for (;;) {
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
        if (done) return
        silence.broken(NEXT_EVENT_MS)
        for (const data of events.take(decoder.decode(value, { stream: true })))
          yield JSON.parse(data) as TopUp
      }
    } finally {
      silence.end()
    }
  }

  #get = async <Answer>(path: string): Promise<Answer> =>
    readJson<Answer>(await this.#ask(path, {}, inTime()))

  #post = async <Answer>(path: string, body: object, once: string): Promise<Answer> => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': once }
    const init = { method: 'POST', body: JSON.stringify(body), headers }
    return readJson<Answer>(await this.#ask(path, init, inTime()))
  }

  async #ask(
    path: string,
    init: RequestInit & { readonly headers?: Readonly<Record<string, string>> },
    until: AbortSignal,
  ): Promise<Response> {
    let response: Response
    try {
      response = await this.#fetch(`/v1${path}`, {
        ...init,
        headers: { ...init.headers, authorization: `Bearer ${this.#key}` },
        signal: AbortSignal.any([this.signal, until]),
        cache: 'no-store',
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        redirect: 'error',
      })
    } catch {
      throw unreachable()
    }
    if (!response.ok) throw await problemOf(response)
    return response
  }
}

/** Aborts its signal when nothing was heard for so long. */
class Silence {
  readonly #abort = new AbortController()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(ms: number) {
    this.broken(ms)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  broken(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.end(), ms)
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#abort.abort()
  }
}

const inTime = (): AbortSignal => AbortSignal.timeout(ANSWER_TIMEOUT_MS)

async function readJson<Answer>(response: Response): Promise<Answer> {
  try {
    return (await response.json()) as Answer
  } catch {
    throw unreachable()
  }
}

const unreachable = () => new ApiProblem(0, 'unreachable', 'no answer')
