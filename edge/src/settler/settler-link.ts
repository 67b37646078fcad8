import { CLOSE } from '@infernet/schemas/close-codes'
import {
  MAX_SETTLER_ASKS,
  MAX_SETTLER_MESSAGE_BYTES,
  settlerMessageSchema,
  type EdgeMessage,
  type SettlerAsk,
} from '@infernet/schemas/settler-wire'
import { DbUnavailable } from '@infernet/settlement/db/db-port'
import { SettlerAskError } from './settler-error.ts'
import type { SettlerTasks } from './settler-tasks.ts'

/** The settler's connection, whatever carries it. Neither throws when it is closed. */
export interface SettlerSocket {
  send(text: string): void
  close(code: number, reason: string): void
}

/** Longest message of an error that is told. */
const MAX_MESSAGE_CHARS = 500

/** One connection of the settler: does what it asks for, a bounded number of asks at a time. */
export class SettlerLink {
  readonly #socket: SettlerSocket
  readonly #tasks: SettlerTasks
  readonly #onError: (error: unknown) => void
  #running = 0

  /** `onError` hears of what the settler can do nothing about. */
  constructor(socket: SettlerSocket, tasks: SettlerTasks, onError: (error: unknown) => void) {
    this.#socket = socket
    this.#tasks = tasks
    this.#onError = onError
  }

  /** Resolves when the message has been answered; never rejects. */
  async received(data: string | Uint8Array): Promise<void> {
    const message = typeof data === 'string' ? parse(data) : undefined
    if (message === undefined) {
      return this.#socket.close(CLOSE.protocol, 'not a message of the settler protocol')
    }
    if (message.type === 'ping') return this.#send({ type: 'pong' })
    this.#send(await this.#answer(message.id, message.ask))
  }

  /** There are new rows. */
  wake(): void {
    this.#send({ type: 'wake' })
  }

  /** A newer connection has taken this one's place. */
  replaced(): void {
    this.#socket.close(CLOSE.replaced, 'another settler has connected')
  }

  async #answer(id: number, ask: SettlerAsk): Promise<EdgeMessage> {
    if (this.#running >= MAX_SETTLER_ASKS) {
      const message = `at most ${MAX_SETTLER_ASKS} asks at a time`
      return { type: 'failed', id, code: 'busy', message }
    }
    this.#running++
    try {
      return { type: 'done', id, ...(await this.#do(ask)) }
    } catch (error) {
      return { type: 'failed', id, ...this.#faultOf(error) }
    } finally {
      this.#running--
    }
  }

  async #do(ask: SettlerAsk): Promise<{ bolt11?: string }> {
    switch (ask.kind) {
      case 'transfers':
        await this.#tasks.transfers(ask.references)
        return {}
      case 'invoice': {
        const { peer, payout, attempt } = ask
        const amountMsat = BigInt(ask.amount_msat)
        return { bolt11: await this.#tasks.invoice({ peer, payout, attempt, amountMsat }) }
      }
      case 'jobs':
        await this.#tasks.jobs(ask.jobs)
        return {}
    }
  }

  #faultOf(error: unknown): { code: string; message: string } {
    if (error instanceof SettlerAskError) {
      return { code: error.code, message: error.message.slice(0, MAX_MESSAGE_CHARS) }
    }
    this.#onError(error)
    if (error instanceof DbUnavailable)
      return { code: error.code, message: 'no answer of Postgres' }
    return { code: 'internal', message: 'the edge had an error; see its log' }
  }

  #send(message: EdgeMessage): void {
    this.#socket.send(JSON.stringify(message))
  }
}

function parse(text: string) {
  // A character takes up to three bytes of UTF-8.
  if (text.length > MAX_SETTLER_MESSAGE_BYTES) return undefined
  try {
    return settlerMessageSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
