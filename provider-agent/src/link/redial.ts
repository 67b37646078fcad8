import type { EventLog } from '../events.ts'
import type { LinkEnd } from './link-end.ts'
import { failuresAfter, reconnectDelay } from './reconnect-policy.ts'

export interface RedialOptions {
  readonly events: EventLog
  readonly random: () => number
  readonly dial: () => void
}

/** Dials again after a connection has ended, later each time that none lasts. */
export class Redial {
  readonly #options: RedialOptions
  #failures = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: RedialOptions) {
    this.#options = options
  }

  /** Which try in a row the next one is, from 1 on. */
  get attempt(): number {
    return this.#failures + 1
  }

  /** A connection has ended that was welcome for so long, in ms: the owner is told, and it is dialled again. */
  after(welcomeMs: number, end: LinkEnd): void {
    const { dial, events, random } = this.#options
    const code = end.code === undefined ? {} : { code: end.code }
    const ended = { welcomeMs, ...code }
    this.#failures = failuresAfter(this.#failures, ended)
    const delay = reconnectDelay(this.#failures, ended, random())
    const { reason, nextStep } = end
    events.emit({ event: 'disconnected', reason, next_step: nextStep, retry_ms: delay, ...code })
    this.#timer = setTimeout(dial, delay)
  }

  /** Does not dial any more. */
  close(): void {
    clearTimeout(this.#timer)
  }
}
