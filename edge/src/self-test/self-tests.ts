import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { LeaseId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { SelfTestJson } from '@infernet/schemas/self-test'
import type { ReceiptAck } from '@infernet/schemas/wire'
import { forgetOldest } from '@infernet/settlement/forget-oldest'
import type { Attempt } from '../hub/attempt.ts'
import type { JobHost } from '../hub/job-host.ts'
import { JobRun } from '../hub/job-run.ts'
import type { JobTimeouts } from '../hub/job-timeouts.ts'
import { chooseProvider } from '../hub/matcher.ts'
import type { ModelOffers } from '../hub/model-offers.ts'
import type { ProviderSession } from '../hub/provider-session.ts'
import { BUSY_RETRY_AFTER_MS, SWEEP_INTERVAL_MS } from '../limits.ts'
import type { JobAnswer, JobOrder } from '../ports.ts'
import { courseOf } from './self-test-course.ts'
import {
  MAX_SELF_TEST_ANSWER_BYTES,
  MAX_SELF_TEST_LEASES,
  SELF_TEST_DEADLINE_MS,
  SELF_TEST_RECEIPT_WAIT_MS,
} from './self-test-limits.ts'
import { selfTestOrder } from './self-test-order.ts'
import { SelfTestPace } from './self-test-pace.ts'
import { selfTestJson, unmatched, type SelfTestOutcome } from './self-test-port.ts'

export interface SelfTestsParts extends Pick<JobHost, 'byteStreams' | 'silent'> {
  readonly offers: Pick<ModelOffers, 'shelf'>
  readonly timeouts: JobTimeouts
  /** ms since the epoch. */
  readonly now: () => number
  readonly later: (task: () => void, delayMs: number) => void
  /** Numbers in [0, 1). */
  readonly random: () => number
  readonly tested: (report: SelfTestJson) => void
}

/** A lease of a self-test. The receipt's time is undefined where none came. */
interface TestLease {
  readonly peer: PeerId
  readonly stored: PromiseWithResolvers<number | undefined>
}

/**
 * Gives providers a job of their own to try: matched, framed and metered as any other. Nobody pays for it, and it
 * changes nothing of what is known of the provider: no account, no statistics, no audit, no receipt that is kept.
 */
export class SelfTests {
  readonly #parts: SelfTestsParts
  readonly #pace = new SelfTestPace()
  /** The oldest first. */
  readonly #leases = new Map<LeaseId, TestLease>()

  constructor(parts: SelfTestsParts) {
    this.#parts = parts
  }

  /** Tests whoever is connected with this name, if it is not too soon. Resolves within a minute. */
  async run(peer: PeerId, session: ProviderSession | undefined): Promise<SelfTestOutcome> {
    if (session === undefined) return unmatched(peer, 'offline')
    if (session.isVerifier) return unmatched(peer, 'verifier')
    const waitMs = this.#pace.begin(peer, this.#parts.now())
    if (waitMs > 0) return { object: 'too_soon', waitMs }
    try {
      const report = await this.#test(session)
      this.#parts.tested(report)
      return report
    } finally {
      this.#pace.end(peer)
    }
  }

  /** What a provider is told of its receipts: those of self-tests are good, and nobody has to keep them. */
  acknowledged(peer: PeerId, { results }: ReceiptAck): ReceiptAck {
    return {
      results: results.map((result) => {
        const lease = this.#leases.get(result.lease as LeaseId)
        if (lease?.peer !== peer) return result
        lease.stored.resolve(this.#parts.now())
        return { lease: result.lease, status: 'stored' as const }
      }),
    }
  }

  async #test(session: ProviderSession): Promise<SelfTestJson> {
    const { peer } = session
    const { now } = this.#parts
    const begun = now()
    const order = this.#matched(session, begun)
    if (typeof order === 'string') return unmatched(peer, order)
    const matchedAt = now()
    const { ended, run, wasSilent } = this.#jobOf(order, session)
    const answering = run.start()
    this.#sweepLater(run)
    const lease = run.attempts[0]?.lease
    const receipt = this.#expect(lease, peer)
    let firstTokenAt: number | undefined
    await taken(await answering, () => {
      // What comes first need not have a token in it.
      if ((run.deliveredBytes() ?? 0) > 0) firstTokenAt ??= now()
    })
    const record = await ended
    const receiptAt = record.status === 'completed' ? await this.#inTime(receipt) : undefined
    const [attempt] = run.attempts
    const times = { begun, matchedAt, firstTokenAt, receiptAt }
    return selfTestJson(
      peer,
      courseOf({ ...times, order, record, attempt, wasSilent: wasSilent() }),
    )
  }

  /** A job for the first of its models that is to be had, or why there is none. */
  #matched(session: ProviderSession, now: number) {
    const { peer, capability, draining } = session
    if (draining) return 'draining'
    if (capability.models.length === 0) return 'no_model'
    let isFull = false
    for (const offer of capability.models) {
      const order = selfTestOrder(peer, offer, now)
      const rules = { ...order.rules, exclude: NOBODY }
      const shelf = this.#parts.offers.shelf(order.model)
      const match = chooseProvider(shelf, rules, { now }, this.#parts.random)
      if (match.found) return order
      isFull ||= match.why === 'full'
    }
    return isFull ? 'full' : 'not_offered'
  }

  #jobOf(order: JobOrder, session: ProviderSession) {
    const { byteStreams, now, silent, timeouts } = this.#parts
    const ended = Promise.withResolvers<JobRecord>()
    let wasSilent = false
    const host: JobHost = {
      timeouts: { ...timeouts, deadlineMs: Math.min(timeouts.deadlineMs, SELF_TEST_DEADLINE_MS) },
      byteStreams,
      now,
      choose: ({ attempts }) => (attempts.length === 0 ? session : apiErrors.providerFailed()),
      queue: () => apiErrors.overloaded(BUSY_RETRY_AFTER_MS),
      silent: (who) => {
        wasSilent = true
        silent(who)
      },
      linger: (attempt) => this.#linger(attempt),
      hedgeDelayMs: () => undefined,
      answering: () => {},
      failed: () => {},
      ended: (_run, record) => {
        ended.resolve(record)
        return undefined
      },
      waiting: () => {},
      told: () => {},
    }
    const run = new JobRun(order, host, { mayWait: false })
    return { ended: ended.promise, run, wasSilent: () => wasSilent }
  }

  #sweepLater(run: JobRun): void {
    this.#parts.later(() => {
      if (run.over) return
      run.sweep(this.#parts.now())
      this.#sweepLater(run)
    }, SWEEP_INTERVAL_MS)
  }

  /** A lease that was taken back keeps its slot until its provider has said so, or its time is over. */
  #linger(attempt: Attempt): void {
    const end = (): void => {
      if (attempt.state !== 'closed') attempt.on('timeout')
    }
    this.#parts.later(end, Math.max(0, attempt.deadline - this.#parts.now()))
  }

  #expect(lease: LeaseId | undefined, peer: PeerId): TestLease['stored'] {
    const stored: TestLease['stored'] = Promise.withResolvers()
    if (lease !== undefined) this.#leases.set(lease, { peer, stored })
    forgetOldest(this.#leases, MAX_SELF_TEST_LEASES)
    return stored
  }

  #inTime({ promise, resolve }: TestLease['stored']): Promise<number | undefined> {
    this.#parts.later(() => resolve(undefined), SELF_TEST_RECEIPT_WAIT_MS)
    return promise
  }
}

const NOBODY: ReadonlySet<string> = new Set()

/** Takes an answer as a client does, and keeps nothing. How it ended is in the job's record. */
async function taken(answer: JobAnswer, onBytes: () => void): Promise<void> {
  if (answer.kind !== 'stream') return
  const reader = answer.body.getReader()
  let bytes = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      onBytes()
      bytes += value.length
      if (bytes > MAX_SELF_TEST_ANSWER_BYTES) return await reader.cancel()
    }
  } catch {
    // A job that is cut off breaks its stream.
  }
}
