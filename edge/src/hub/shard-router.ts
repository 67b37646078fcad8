import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { JobId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { PeerId } from '@infernet/schemas/peer-id'
import { forgetOldest } from '@infernet/settlement/forget-oldest'
import { BUSY_RETRY_AFTER_MS, MAX_OFFERS } from '../limits.ts'
import { mergeMetrics, type Labels } from '../metrics.ts'
import type {
  Directory,
  HubPort,
  InvoiceOrder,
  JobAnswer,
  JobOrder,
  OfferView,
  Presence,
  SharedGpu,
} from '../ports.ts'
import { SHARD_ANSWERS_SELF_TEST_WITHIN_MS } from '../self-test/self-test-limits.ts'
import { unmatched, type SelfTestOutcome } from '../self-test/self-test-port.ts'
import type { RequestTrace } from '../telemetry/request-spans.ts'
import { inTime } from './in-time.ts'
import { InvoiceAskError } from './invoice-asks.ts'
import { fromInvoiceOutcome, type InvoiceOutcome } from './invoice-outcome.ts'
import { clientClosed, fieldsOf } from './job-errors.ts'
import type { MatchRules } from './match-rules.ts'
import { ShardChoice, type WantedShards } from './shard-choice.ts'
import type { ShardDirectory } from './shard-directory.ts'
import { shardGauges } from './shard-gauges.ts'
import type { ShardAnswer } from './shard-jobs.ts'
import {
  DIRECTORY_READ_TIMEOUT_MS,
  MAX_LISTED_PROVIDERS,
  MAX_ROUTED_JOBS,
  SHARD_ANSWERS_ASK_WITHIN_MS,
  SHARD_ASLEEP_AFTER_MS,
  SHARD_SUSPENDED_MS,
} from './shard-limits.ts'
import { shardName, type Region } from './shard-region.ts'

/** A hub as the router reaches it; every call may reject, because it may be on another machine. */
export interface ShardHub {
  /** With `last`, no other shard will be asked: the job may wait, and the hub settles it in any case. */
  submit(order: JobOrder, last: boolean): Promise<ShardAnswer>
  /** Settles the record of an unplaced job that is not offered elsewhere. */
  settle(record: JobRecord, trace: RequestTrace | undefined): Promise<void>
  cancel(job: JobId, reason: string): Promise<void>
  /** At most {@link MAX_LISTED_PROVIDERS}. */
  providersOf(model: string): Promise<readonly OfferView[]>
  presenceOf(peers: readonly PeerId[]): Promise<readonly Presence[]>
  sharedGpusOf(peers: readonly PeerId[]): Promise<readonly SharedGpu[]>
  askInvoice(peer: PeerId, order: InvoiceOrder): Promise<InvoiceOutcome>
  selfTest(peer: PeerId): Promise<SelfTestOutcome>
  metrics(): Promise<string>
}

export interface ShardRouterOptions {
  readonly directory: () => ShardDirectory | Promise<ShardDirectory>
  /** The shards where these keys logged in last, in the same order. */
  readonly locate: (peers: readonly string[]) => Promise<readonly string[]>
  readonly hub: (shard: string) => ShardHub
  /** Where this process is. */
  readonly region: () => Region
  readonly random: () => number
  readonly now: () => number
  /** A shard did not answer. */
  readonly onShardError: (shard: string, error: unknown) => void
}

interface RoutedJob {
  shard: string | undefined
  cancelReason: string | undefined
}

/** Many hubs as one: each job goes to the shard that is best placed for it, or to the next one. */
export class ShardRouter implements HubPort {
  readonly #options: ShardRouterOptions
  /** Where jobs are, for a cancel; the oldest first. */
  readonly #jobs = new Map<JobId, RoutedJob>()
  /** When each shard that did not answer may be asked again, ms since the epoch. */
  readonly #suspended = new Map<string, number>()

  constructor(options: ShardRouterOptions) {
    this.#options = options
  }

  async directory(): Promise<Directory> {
    return (await this.#options.directory()).directory()
  }

  async submit(order: JobOrder): Promise<JobAnswer> {
    const routed = this.#remember(order.job)
    const answer = await this.#place(order, routed)
    // A stream may still be cancelled by a hold that is refused later; it leaves with age.
    if (answer.kind !== 'stream') this.#jobs.delete(order.job)
    return answer
  }

  #remember(job: JobId): RoutedJob {
    const routed: RoutedJob = { shard: undefined, cancelReason: undefined }
    this.#jobs.set(job, routed)
    forgetOldest(this.#jobs, MAX_ROUTED_JOBS)
    return routed
  }

  /**
   * Offers the job to one shard after another. It waits in none of them while another may have room;
   * in the end it waits in the nearest that was full.
   */
  async #place(order: JobOrder, routed: RoutedJob): Promise<JobAnswer> {
    const choice = await this.#choiceFor(order)
    // Where nobody serves the model any more, a hub says so and settles; the region's first is always there.
    let shard = choice.next(false) ?? shardName(this.#options.region(), 0)
    let full: string | undefined
    let unplaced: { readonly shard: string; readonly record: JobRecord } | undefined
    let error = fieldsOf(apiErrors.overloaded(BUSY_RETRY_AFTER_MS))
    for (let asked = 0; routed.cancelReason === undefined; asked++) {
      choice.try(shard)
      const last = full === shard || (full === undefined && choice.next(false) === undefined)
      routed.shard = shard
      const answer = await this.#ask(shard, withLeases(order, asked), last)
      if (answer !== undefined && answer.kind !== 'unplaced') return answer
      if (answer !== undefined) {
        ;({ error } = answer)
        unplaced = { shard, record: answer.record }
        if (answer.isBusy) full ??= shard
      }
      if (last) break
      const next = choice.next(full !== undefined) ?? full
      if (next === undefined) break
      shard = next
    }
    if (unplaced !== undefined) await this.#settle(unplaced.shard, unplaced.record, order.trace)
    if (routed.cancelReason !== undefined) error = fieldsOf(clientClosed())
    return { kind: 'error', error }
  }

  async #choiceFor({ model, rules }: JobOrder): Promise<ShardChoice> {
    const { region, random } = this.#options
    const directory = await this.#options.directory()
    const wanted = await this.#wanted(rules)
    return new ShardChoice({
      directory,
      model,
      region: region(),
      random,
      wanted,
      suspended: this.#suspendedNow(),
    })
  }

  /** Where the providers are that the client names; undefined when it names none. */
  async #wanted({ only, order, allowFallbacks }: MatchRules): Promise<WantedShards | undefined> {
    const peers = [...order, ...(only ?? [])]
    if (peers.length === 0) return undefined
    try {
      const shards = await this.#options.locate(peers)
      return { shards, noOthers: only !== undefined || !allowFallbacks }
    } catch (error) {
      this.#options.onShardError('directory', error)
      return undefined
    }
  }

  #suspendedNow(): ReadonlySet<string> {
    const now = this.#options.now()
    for (const [shard, until] of this.#suspended) {
      if (until <= now) this.#suspended.delete(shard)
    }
    return new Set(this.#suspended.keys())
  }

  /** Undefined when the shard did not answer. What it may still do with the job is called off. */
  async #ask(shard: string, order: JobOrder, last: boolean): Promise<ShardAnswer | undefined> {
    const answer = await this.#call(shard, (hub) => hub.submit(order, last))
    if (answer === undefined) {
      this.#options
        .hub(shard)
        .cancel(order.job, 'edge_unreachable')
        .catch(() => {})
    }
    return answer
  }

  /** Undefined when the shard did not answer: it is asked last for a while. */
  async #call<T>(shard: string, call: (hub: ShardHub) => Promise<T>): Promise<T | undefined> {
    try {
      return await call(this.#options.hub(shard))
    } catch (error) {
      this.#suspended.set(shard, this.#options.now() + SHARD_SUSPENDED_MS)
      this.#options.onShardError(shard, error)
      return undefined
    }
  }

  /** Without an answer the hold expires, in the client's favour. */
  async #settle(shard: string, record: JobRecord, trace: RequestTrace | undefined): Promise<void> {
    await this.#call(shard, (hub) => hub.settle(record, trace))
  }

  async cancel(job: JobId, reason: string): Promise<void> {
    const routed = this.#jobs.get(job)
    if (routed === undefined) return
    routed.cancelReason ??= reason
    if (routed.shard !== undefined) await this.#options.hub(routed.shard).cancel(job, reason)
  }

  /** The providers of a model in all shards that answer, at most {@link MAX_LISTED_PROVIDERS}. */
  async providersOf(model: string): Promise<OfferView[]> {
    const directory = await this.#options.directory()
    const lists = await Promise.all(
      directory.serving(model).map((shard) => this.#call(shard, (hub) => hub.providersOf(model))),
    )
    return lists.flatMap((list) => list ?? []).slice(0, MAX_LISTED_PROVIDERS)
  }

  /** Asks the shards where these providers logged in last; who is in one that does not answer is left out. */
  async presenceOf(peers: readonly PeerId[]): Promise<Presence[]> {
    const seen = await this.#atShardsOf(peers, (hub) => hub.presenceOf(peers))
    // A key that has just moved may still be seen where it was.
    seen.sort((a, b) => a.countedUntil - b.countedUntil)
    return [...new Map(seen.map((presence) => [presence.peer, presence])).values()]
  }

  /** Asks the shards where these providers logged in last. */
  sharedGpusOf(peers: readonly PeerId[]): Promise<SharedGpu[]> {
    return this.#atShardsOf(peers, (hub) => hub.sharedGpusOf(peers))
  }

  /** What the shards say where these providers logged in last; one that does not answer is left out. */
  async #atShardsOf<T>(
    peers: readonly PeerId[],
    ask: (hub: ShardHub) => Promise<readonly T[]>,
  ): Promise<T[]> {
    const lists = await Promise.all(
      (await this.#shardsOf(peers)).map((shard) =>
        this.#call(shard, (hub) => inTime(ask(hub), DIRECTORY_READ_TIMEOUT_MS)),
      ),
    )
    return lists.flatMap((list) => list ?? [])
  }

  async #shardsOf(peers: readonly PeerId[]): Promise<readonly string[]> {
    if (peers.length === 0) return []
    try {
      return await inTime(this.#options.locate(peers), DIRECTORY_READ_TIMEOUT_MS)
    } catch (error) {
      this.#options.onShardError('directory', error)
      return []
    }
  }

  /** Asks the shard where the provider logged in last. Rejects with {@link InvoiceAskError}. */
  async askInvoice(peer: PeerId, order: InvoiceOrder): Promise<string> {
    const shard = await this.#shardOf(peer)
    if (shard === undefined) throw new InvoiceAskError('offline', 'it is not connected')
    const outcome = await this.#call(shard, (hub) =>
      inTime(hub.askInvoice(peer, order), SHARD_ANSWERS_ASK_WITHIN_MS),
    )
    if (outcome === undefined) throw new InvoiceAskError('timeout', 'its hub did not answer')
    return fromInvoiceOutcome(outcome)
  }

  /** Tests a provider in the shard where it logged in last. */
  async selfTest(peer: PeerId): Promise<SelfTestOutcome> {
    const [shard] = await this.#shardsOf([peer])
    if (shard === undefined) return unmatched(peer, 'offline')
    const outcome = await this.#call(shard, (hub) =>
      inTime(hub.selfTest(peer), SHARD_ANSWERS_SELF_TEST_WITHIN_MS),
    )
    return outcome ?? unmatched(peer, 'unreachable')
  }

  async #shardOf(peer: PeerId): Promise<string | undefined> {
    try {
      const [shard] = await inTime(this.#options.locate([peer]), DIRECTORY_READ_TIMEOUT_MS)
      return shard
    } catch (error) {
      this.#options.onShardError('directory', error)
      throw new InvoiceAskError('timeout', 'nobody could say where it is')
    }
  }

  /**
   * What the shards say that are awake, and how many providers and jobs each of them has. One that has
   * had nothing to tell for a while sleeps and has forgotten its counters; asking would only wake it.
   */
  async metrics(): Promise<string> {
    const shards = [...(await this.#options.directory()).shards]
    const asleep = this.#options.now() - SHARD_ASLEEP_AFTER_MS
    const awake = shards.filter(({ at, jobsInFlight }) => jobsInFlight > 0 || at > asleep)
    const texts = await Promise.all(awake.map(({ shard }) => this.#metricsOf(shard)))
    return mergeMetrics(texts.filter((text) => text !== undefined)) + shardGauges(shards)
  }

  async #metricsOf(shard: string): Promise<{ labels: Labels; text: string } | undefined> {
    const text = await this.#call(shard, (hub) => hub.metrics())
    return text === undefined ? undefined : { labels: { shard }, text }
  }
}

/** No two shards may give out a lease of the same name: each has its own range. */
const withLeases = (order: JobOrder, asked: number): JobOrder =>
  asked === 0 ? order : { ...order, leasesBefore: asked * MAX_OFFERS }
