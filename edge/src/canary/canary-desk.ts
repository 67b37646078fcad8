import { newJobId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { PeerId } from '@infernet/schemas/peer-id'
import { canaryTarget, type CanaryTarget } from '@infernet/verification/canary/canary-target'
import { forgetOldest } from '../hub/oldest-first.ts'
import type { JobOrder } from '../ports.ts'
import {
  MAX_CANARIES,
  MAX_FOLLOWED_MODELS,
  MAX_PROMPT_WRITES,
  PROMPT_INTERVAL_MS,
  UNPAID_PAUSE_MS,
} from './canary-limits.ts'
import { canaryPromptOf } from './canary-pool.ts'
import type { CanaryStore } from './canary-port.ts'
import { dropped, isUnpaid, pinnedAsk, type AskParts } from './pinned-ask.ts'
import { RecentRequests } from './recent-requests.ts'

export interface CanaryDeskParts extends AskParts {
  readonly canaries: CanaryStore
  /** For each request that somebody is given, so many canaries; 0 to 1. */
  readonly share: number
  /** A number in [0, 1) that nobody can foresee, always the same one for a name. */
  readonly draw: (name: string) => number
  /** By what spec a provider serves a model now: who has none cannot be audited. */
  readonly specOf: (provider: PeerId, model: string) => string | undefined
  /** Resolves after so many ms, or as soon as the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/**
 * Sends canaries: requests that their clients have opened to anybody's verification, asked once more, of another
 * provider, from an account of the operator's. Audits look at every one of them.
 */
export class CanaryDesk {
  readonly #parts: CanaryDeskParts
  readonly #recent = new RecentRequests()
  /** Ends those that wait for their time. */
  readonly #noMore = new AbortController()
  /** Ends those that were asked. */
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<void>>()
  /** When a request of each model was taken up last, ms since the epoch. */
  readonly #takenUp = new Map<string, number>()
  #writes = 0
  #pausedUntil = 0

  constructor(parts: CanaryDeskParts) {
    this.#parts = parts
  }

  /** A provider was given a request, the first of those whom it is offered to. */
  leased(order: JobOrder, provider: PeerId): void {
    const { account, draw, now, share } = this.#parts
    if (order.accountId === account) return
    const recent = this.#recent.add(order.model, { provider, at: now() })
    if (draw(`canary ${order.job}`) >= share || !this.#mayBegin()) return
    let draws = 0
    const target = canaryTarget(recent, () => draw(`canary ${order.job} ${draws++}`))
    if (target === undefined) return
    const running = this.#run(order.model, target).finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** A request is over: it may be asked again, if its client has said so. */
  ended(order: JobOrder, record: JobRecord): void {
    const { account, canaries, events, now } = this.#parts
    if (order.accountId === account) return
    const at = now()
    const prompt = canaryPromptOf(order, record, at)
    if (prompt === undefined || this.#writes >= MAX_PROMPT_WRITES) return
    if (at < (this.#takenUp.get(order.model) ?? 0) + PROMPT_INTERVAL_MS) return
    this.#takenUp.set(order.model, at)
    forgetOldest(this.#takenUp, MAX_FOLLOWED_MODELS)
    this.#writes++
    canaries
      .add(prompt)
      .catch((error: unknown) => events.storeFailed('canaryPrompts', error))
      .finally(() => this.#writes--)
  }

  /** Begins nothing any more. */
  drain(): void {
    this.#noMore.abort()
  }

  /** Resolves when nothing runs. */
  async close(): Promise<void> {
    this.drain()
    this.#stop.abort()
    await Promise.all(this.#running)
  }

  #mayBegin(): boolean {
    const isPaused = this.#parts.now() < this.#pausedUntil
    return !this.#noMore.signal.aborted && !isPaused && this.#running.size < MAX_CANARIES
  }

  /** Never rejects. */
  async #run(model: string, { provider, delayMs }: CanaryTarget<PeerId>): Promise<void> {
    const { events, sleep } = this.#parts
    const { signal } = this.#noMore
    try {
      if (delayMs > 0) await sleep(delayMs, signal)
      if (signal.aborted || this.#parts.specOf(provider, model) === undefined) return
      await this.#ask(model, provider)
    } catch (error) {
      if (isUnpaid(error)) this.#pausedUntil = this.#parts.now() + UNPAID_PAUSE_MS
      events.canaryFailed(provider, model, error)
    }
  }

  async #ask(model: string, provider: PeerId): Promise<void> {
    const { canaries, events, now } = this.#parts
    const job = newJobId(now())
    const prompt = await canaries.claim({ model, provider, canary: job, now: now() })
    if (prompt === undefined) return events.canaryMissing()
    const { endpoint, body } = prompt
    const ask = { job, endpoint, model, provider, body, isOpen: true }
    await dropped(await pinnedAsk(this.#parts, ask, this.#stop.signal))
    events.canarySent(job, provider, model)
  }
}
