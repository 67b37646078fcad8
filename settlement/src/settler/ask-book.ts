import {
  MAX_SETTLER_ASKS,
  type EdgeMessage,
  type SettlerAsk,
  type SettlerMessage,
} from '@infernet/schemas/settler-wire'
import { EdgeLinkError } from './edge-link-error.ts'

/** Asks that wait for a slot or a connection; all that is asked is asked again later anyway. */
const MAX_WAITING = 1_000

export interface EdgeAnswer {
  /** For an ask for an invoice. */
  readonly bolt11: string | undefined
}

interface Pending {
  readonly id: number
  readonly ask: SettlerAsk
  readonly done: (answer: EdgeAnswer) => void
  readonly failed: (error: EdgeLinkError) => void
}

/** Asks by their ids: a bounded number under way, the others in order. Knows nothing of sockets. */
export class AskBook {
  readonly #waiting: Pending[] = []
  readonly #asked = new Map<number, Pending>()
  #send: ((message: SettlerMessage) => void) | undefined
  #lastId = 0

  /** Answers with the edge's, however long it takes; `signal` ends the waiting. Throws {@link EdgeLinkError}. */
  async ask(ask: SettlerAsk, signal: AbortSignal): Promise<EdgeAnswer> {
    if (signal.aborted) throw endOf(signal)
    if (this.#waiting.length >= MAX_WAITING)
      throw new EdgeLinkError('busy', `${MAX_WAITING} asks wait for the edge`)
    const { promise, resolve, reject } = Promise.withResolvers<EdgeAnswer>()
    const pending = { id: ++this.#lastId, ask, done: resolve, failed: reject }
    const abort = () => {
      this.#forget(pending)
      reject(endOf(signal))
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#waiting.push(pending)
    this.#fill()
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** There is a connection: what waits is sent. */
  opened(send: (message: SettlerMessage) => void): void {
    this.#send = send
    this.#fill()
  }

  /** What was sent and not answered fails; what waits goes on waiting. */
  closed(): void {
    this.#send = undefined
    const lost = [...this.#asked.values()]
    this.#asked.clear()
    for (const { failed } of lost)
      failed(new EdgeLinkError('away', 'The connection to the edge broke'))
  }

  /** An answer to what nobody waits for any more is dropped. */
  answered(message: Extract<EdgeMessage, { type: 'done' | 'failed' }>): void {
    const pending = this.#asked.get(message.id)
    if (pending === undefined) return
    this.#asked.delete(message.id)
    if (message.type === 'done') pending.done({ bolt11: message.bolt11 })
    else pending.failed(new EdgeLinkError('refused', message.message, message.code))
    this.#fill()
  }

  #fill(): void {
    while (this.#send !== undefined && this.#asked.size < MAX_SETTLER_ASKS) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#asked.set(next.id, next)
      this.#send({ type: 'ask', id: next.id, ask: next.ask })
    }
  }

  #forget(pending: Pending): void {
    const place = this.#waiting.indexOf(pending)
    if (place >= 0) this.#waiting.splice(place, 1)
    if (this.#asked.delete(pending.id)) this.#fill()
  }
}

/** An abort by `AbortSignal.timeout` is nobody's wish. */
function endOf(signal: AbortSignal): EdgeLinkError {
  const reason: unknown = signal.reason
  return reason instanceof DOMException && reason.name === 'TimeoutError'
    ? new EdgeLinkError('timeout', 'The edge did not answer in time')
    : new EdgeLinkError('aborted', 'It is not wanted any more')
}
