import { embeddingsAnswer } from '@infernet/openai-compat/embeddings-answer'
import { parseEmbeddingsRequest } from '@infernet/openai-compat/embeddings-request'
import { leaseOf, newJobId, type JobId, type LeaseId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { PeerId } from '@infernet/schemas/peer-id'
import { decodeUtf8 } from '@infernet/schemas/utf8'
import type { ReturnedResult } from '@infernet/verification/comparison/counted-results'
import {
  embeddingComparator,
  type Embeddings,
} from '@infernet/verification/comparison/embedding-comparator'
import {
  decideQuorum,
  type QuorumDecision,
  type QuorumLimits,
} from '@infernet/verification/comparison/quorum'
import type { Audit } from '../audit/audit-port.ts'
import { forgetOldest } from '../hub/oldest-first.ts'
import type { JobOrder } from '../ports.ts'
import {
  MAX_CHOSEN_ANSWERS,
  MAX_COMPARED_BYTES,
  MAX_COMPARISONS,
  MAX_REDUNDANCY_SHARE,
} from './canary-limits.ts'
import { pinnedAsk, type AskParts } from './pinned-ask.ts'
import { redundancyAudits, type ComparedAnswer } from './redundancy-audits.ts'

export interface RedundancyParts extends AskParts {
  /** The share of a provider's answers that is audited for a spec, 0 to 1. */
  readonly rateOf: (provider: PeerId, spec: string) => number
  readonly specOf: (provider: PeerId, model: string) => string | undefined
  /** Who serves a model by that spec now. */
  readonly peersOf: (model: string, spec: string) => readonly PeerId[]
  /** A number in [0, 1) that nobody can foresee, always the same one for a name. */
  readonly draw: (name: string) => number
  readonly record: (audit: Audit) => void
}

/** Two that agree decide; a third is asked where two do not. */
const LIMITS: QuorumLimits = { minQuorum: 2, target: 2, maxErrors: 2, maxTotal: 3 }

interface Chosen {
  readonly provider: PeerId
  readonly lease: LeaseId
  readonly spec: string
  readonly rate: number
}

/**
 * Asks some embeddings of a second provider of the same spec, and of a third where those differ: they have no tokens
 * that could be drawn again. Only what is chosen is kept, from its provider's last word to the comparison's.
 */
export class Redundancy {
  readonly #parts: RedundancyParts
  /** Insertion order is age. */
  readonly #chosen = new Map<JobId, Chosen>()
  /** Leases of our own questions that are under way. */
  readonly #asked = new Map<JobId, LeaseId>()
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<void>>()
  #draining = false

  constructor(parts: RedundancyParts) {
    this.#parts = parts
  }

  /** A request is over, and its answer on its way to {@link answered}. */
  ended(order: JobOrder, { status, providerId, lease }: JobRecord): void {
    const { account, draw, peersOf, rateOf, specOf } = this.#parts
    if (order.rules.endpoint !== 'embeddings' || status !== 'completed') return
    if (providerId === null || lease === null) return
    if (order.accountId === account) {
      if (this.#asked.has(order.job)) this.#asked.set(order.job, lease as LeaseId)
      return
    }
    if (order.rules.noDataCollection || order.verification?.mode === 'none') return
    const provider = providerId as PeerId
    const spec = specOf(provider, order.model)
    if (spec === undefined || this.#draining) return
    const rate = Math.min(rateOf(provider, spec), MAX_REDUNDANCY_SHARE)
    if (draw(`redundancy ${order.job}`) >= rate) return
    if (peersOf(order.model, spec).every((peer) => peer === provider)) return
    this.#chosen.set(order.job, { provider, lease: lease as LeaseId, spec, rate })
    forgetOldest(this.#chosen, MAX_CHOSEN_ANSWERS)
  }

  /** What a client got; undefined for anything else than a whole answer. */
  answered(order: JobOrder, body: Uint8Array | undefined): void {
    const chosen = this.#chosen.get(order.job)
    this.#chosen.delete(order.job)
    if (chosen === undefined || body === undefined || body.length > MAX_COMPARED_BYTES) return
    if (this.#draining || this.#running.size >= MAX_COMPARISONS) return
    const running = this.#compare(order, chosen, body).finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Begins nothing any more. */
  drain(): void {
    this.#draining = true
  }

  /** Resolves when nothing runs. */
  async close(): Promise<void> {
    this.drain()
    this.#stop.abort()
    await Promise.all(this.#running)
  }

  /** Never rejects. */
  async #compare(order: JobOrder, chosen: Chosen, body: Uint8Array): Promise<void> {
    const { events, now, record } = this.#parts
    const { model, job } = order
    const { provider, lease, spec, rate } = chosen
    try {
      const first = { job, lease, provider, rate, vectors: vectorsOf(order, body) }
      const { answers, decision } = await this.#decided(order, spec, first)
      const audits = redundancyAudits({ answers, decision, model, spec, now: now() })
      for (const audit of audits) record(audit)
      events.redundancyDecided(model, spec, audits)
    } catch (error) {
      events.internalError(order.requestId, error)
    }
  }

  /** Asks one after the other until the answers decide, or nobody is left to ask. */
  async #decided(order: JobOrder, spec: string, first: ComparedAnswer) {
    const answers = [first]
    const comparator = embeddingComparator(dimensionsOf(order))
    const untried = this.#others(order.model, spec, first)
    let errors = 0
    for (;;) {
      const results = answers.map((answer) => resultOf(answer, spec))
      const task = { limits: LIMITS, homogeneityClass: spec, results, errors, outstanding: 0 }
      const decision: QuorumDecision = decideQuorum(task, comparator)
      const next = decision.state === 'need_copies' ? untried.shift() : undefined
      if (next === undefined || this.#stop.signal.aborted) return { answers, decision }
      const answer = await this.#ask(order, next)
      if (answer === undefined) errors++
      else answers.push(answer)
    }
  }

  /** Everybody else of the spec, in an order that nobody can foresee. */
  #others(model: string, spec: string, { job, provider }: ComparedAnswer): PeerId[] {
    const { draw, peersOf } = this.#parts
    const drawn = peersOf(model, spec).map((peer) => ({ peer, at: draw(`${job} ${peer}`) }))
    return drawn
      .toSorted((one, other) => one.at - other.at)
      .flatMap(({ peer }) => (peer === provider ? [] : [peer]))
  }

  /** Undefined where there is no answer. */
  async #ask(order: JobOrder, provider: PeerId): Promise<ComparedAnswer | undefined> {
    const { events, now } = this.#parts
    const { model, rules } = order
    const job = newJobId(now())
    this.#asked.set(job, leaseOf(job, 1))
    try {
      const body = decodeUtf8(order.body)
      const ask = { job, endpoint: rules.endpoint, model, provider, body, isOpen: false }
      const answer = await pinnedAsk(this.#parts, ask, this.#stop.signal)
      if (answer.kind !== 'json') return undefined
      const lease = this.#asked.get(job) ?? leaseOf(job, 1)
      return { job, lease, provider, rate: 1, vectors: vectorsOf(order, answer.body) }
    } catch (error) {
      events.canaryFailed(provider, model, error)
      return undefined
    } finally {
      this.#asked.delete(job)
    }
  }
}

const resultOf = (
  { lease, provider, vectors }: ComparedAnswer,
  spec: string,
): ReturnedResult<Embeddings> => ({
  attempt: lease,
  operator: provider,
  homogeneityClass: spec,
  result: vectors,
})

const dimensionsOf = (order: JobOrder): number | undefined =>
  parseEmbeddingsRequest(order.body).body.dimensions ?? undefined

/** None for an answer that is not one to the request: no comparison can be lost by it to noise. */
function vectorsOf({ body, model }: JobOrder, answer: Uint8Array): Embeddings {
  const wish = { ...parseEmbeddingsRequest(body).body, encoding_format: 'float' as const }
  const read = embeddingsAnswer(JSON.parse(decodeUtf8(answer)), {
    body: wish,
    model,
    requestBytes: body.length,
  })
  const data = read?.answer.data ?? []
  return data.map(({ embedding }) => (typeof embedding === 'string' ? [] : embedding))
}
