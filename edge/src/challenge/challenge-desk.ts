import { newJobId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { PeerId } from '@infernet/schemas/peer-id'
import {
  challengeResult,
  nextPairEvidence,
  type ChallengeResult,
  type Slowed,
} from '@infernet/verification/challenge/pair-evidence'
import { roundOrder } from '@infernet/verification/challenge/round-order'
import { CanarySettingsError } from '../canary/canary-settings.ts'
import { dropped, isUnpaid, pinnedAsk, type AskParts } from '../canary/pinned-ask.ts'
import type { JobOrder } from '../ports.ts'
import { challengeBlock, contenderOf, type Contender } from './challenge-block.ts'
import { ChallengeBook, pairOf, type Pair } from './challenge-book.ts'
import {
  LOOK_INTERVAL_MS,
  MAX_BLOCKS,
  MAX_PAUSE_MS,
  REST_MS,
  ROOM_TRIES,
  ROOM_WAIT_MS,
  UNPAID_PAUSE_MS,
} from './challenge-limits.ts'
import { challengeBody } from './challenge-prompt.ts'
import type { Answered, RoundParts } from './challenge-round.ts'
import type { GpuRest } from './gpu-rests.ts'
import type { ProviderMachine } from './provider-machine.ts'

export interface ChallengeParts extends AskParts, Pick<RoundParts<unknown>, 'sleep'> {
  /** Of providers whom nothing speaks against, so many are challenged a day, 0 to 1; 0: nobody is. */
  readonly challenges: number
  /** The longest pause before a round of theirs, ms; absent: as documented. */
  readonly challengePauseMs?: number | undefined
  /** A number in [0, 1) that nobody can foresee, always the same one for a name. */
  readonly draw: (name: string) => number
  /** Those that serve now, in the order in which they came. */
  readonly machines: () => readonly ProviderMachine[]
  /** Two providers were found to be one machine. */
  readonly rest: (rest: GpuRest) => void
}

/**
 * Finds out whether two providers are one machine: asks them alone and together, as much as they say that they can do,
 * and looks whether they are slower together. The questions are like clients', from the operator's account, and audits
 * look at the answers as they do at any.
 */
export class ChallengeDesk {
  readonly #parts: ChallengeParts
  readonly #book: ChallengeBook
  /** Our questions under way. */
  readonly #asked = new Map<string, OwnAsk>()
  readonly #stop = new AbortController()
  #running: Promise<void> | undefined
  #nextLookAt = 0
  #isDraining = false

  constructor(parts: ChallengeParts) {
    this.#parts = parts
    this.#book = new ChallengeBook({ share: parts.challenges, draw: parts.draw })
  }

  /** A provider was given a request: a challenge may begin, while there is traffic. */
  leased({ accountId, job }: Pick<JobOrder, 'accountId' | 'job'>, provider: PeerId): void {
    const { account, challenges, now } = this.#parts
    const own = this.#asked.get(job)
    if (own !== undefined) own.leasedAt = now()
    if (challenges === 0 || accountId === account) return
    if (this.#isDraining || this.#running !== undefined || now() < this.#nextLookAt) return
    this.#nextLookAt = now() + LOOK_INTERVAL_MS
    const pair = this.#duePair(provider)
    if (pair === undefined) return
    this.#running = this.#run(pair).finally(() => (this.#running = undefined))
  }

  /** A request is over. */
  ended({ completionTokens, id }: Pick<JobRecord, 'completionTokens' | 'id'>): void {
    const own = this.#asked.get(id)
    if (own?.leasedAt === undefined) return
    own.over.resolve({ tokens: completionTokens, ms: this.#parts.now() - own.leasedAt })
  }

  /** Begins nothing any more, and ends after the block that runs. */
  drain(): void {
    this.#isDraining = true
  }

  /** Resolves when nothing runs. */
  async close(): Promise<void> {
    this.drain()
    this.#stop.abort()
    await this.#running
  }

  #duePair(provider: PeerId): Pair | undefined {
    const machines = this.#parts.machines().filter((one) => contenderOf(one) !== undefined)
    const machine = machines.find(({ id }) => id === provider)
    if (machine === undefined) return undefined
    const others = machines.filter((other) => other !== machine)
    const partner = this.#book.partnerOf(machine, others, this.#parts.now())
    return partner && pairOf(provider, partner.id)
  }

  /** Never rejects. */
  async #run(pair: Pair): Promise<void> {
    const { events, now } = this.#parts
    try {
      let evidence = this.#book.evidenceOf(pair)
      for (let n = 0; n < MAX_BLOCKS && challengeResult(evidence) === 'unclear'; n++) {
        const slowed = this.#isDraining ? undefined : await this.#block(pair)
        if (slowed === undefined) break
        evidence = nextPairEvidence(evidence, slowed)
      }
      const result = this.#book.record(pair, evidence, now())
      events.challenged(pair, result, evidence.blocks)
      this.#conclude(pair, result)
    } catch (error) {
      if (this.#stop.signal.aborted) return
      this.#nextLookAt = now() + UNPAID_PAUSE_MS
      events.challengeFailed(pair, error)
    }
  }

  /** Undefined where one of them has gone, or has much to do. */
  async #block(pair: Pair): Promise<Slowed | undefined> {
    const { challengePauseMs: pauseMs = MAX_PAUSE_MS, draw, now, sleep } = this.#parts
    const { signal } = this.#stop
    const both = await this.#bothWithRoom(pair)
    if (both === undefined) return undefined
    const name = `challenge ${pair.join(' ')} ${now()}`
    let draws = 0
    const random = (): number => draw(`${name} ${draws++}`)
    const asking = await this.#askParts()
    const ask = (asked: Contender, until: AbortSignal) => this.#ask(asking, asked, until)
    const order = roundOrder(random())
    return challengeBlock(both, order, { ask, pauseMs, random, sleep }, signal)
  }

  async #bothWithRoom([one, other]: Pair) {
    const { machines, sleep } = this.#parts
    for (let tries = 0; tries < ROOM_TRIES && !this.#stop.signal.aborted; tries++) {
      const here = machines()
      const [first, second] = [one, other].map((peer) => here.find(({ id }) => id === peer))
      if (first === undefined || second === undefined) return undefined
      const [a, b] = [contenderOf(first), contenderOf(second)]
      if (a !== undefined && b !== undefined && hasRoom(first) && hasRoom(second))
        return [a, b] as const
      await sleep(ROOM_WAIT_MS, this.#stop.signal)
    }
    return undefined
  }

  /** The account is looked up before: or else questions that are asked at the same time would come one after the other. */
  async #askParts(): Promise<AskParts> {
    const stored = await this.#parts.store.findAccount(this.#parts.account)
    return { ...this.#parts, store: { findAccount: async () => stored } }
  }

  /** Timed from lease to end, so that what the edge does before is not the provider's. Rejects where it is our own fault. */
  async #ask(
    parts: AskParts,
    { endpoint, model, provider }: Contender,
    signal: AbortSignal,
  ): Promise<Answered> {
    const { draw, now } = this.#parts
    const job = newJobId(now())
    let draws = 0
    const body = challengeBody(model, endpoint, () => draw(`${job} ${draws++}`))
    const ask = { job, endpoint, model, provider, body, mode: 'sampled', isOpen: true } as const
    const own: OwnAsk = { over: Promise.withResolvers<Answered>() }
    this.#asked.set(job, own)
    try {
      await dropped(await pinnedAsk(parts, ask, signal), signal)
      // One that was cut off is over when its provider says so, or its time to say so has passed.
      return own.leasedAt === undefined ? NOTHING : await own.over.promise
    } catch (error) {
      if (isUnpaid(error) || error instanceof CanarySettingsError) throw error
      return NOTHING
    } finally {
      this.#asked.delete(job)
    }
  }

  #conclude([first, second]: Pair, result: ChallengeResult): void {
    if (result === 'apart' || result === 'unclear') return
    const { machines, now, rest } = this.#parts
    const isFirst =
      result === 'shared' ? isLesser(first, second, machines()) : result === 'first_yields'
    const [peer, beside] = isFirst ? [first, second] : [second, first]
    rest({ peer, beside, since: now(), until: now() + REST_MS })
  }
}

interface OwnAsk {
  /** ms since the epoch. */
  leasedAt?: number
  readonly over: PromiseWithResolvers<Answered>
}

const NOTHING: Answered = { tokens: 0, ms: 0 }

/** Half of its slots may have clients' jobs: chance decides beside which round they fall. */
const hasRoom = ({ inFlight, slots }: ProviderMachine): boolean => 2 * inFlight <= slots

/** Whether `one` is trusted less than `other`, or has come later. `machines` are in the order in which they came. */
function isLesser(one: PeerId, other: PeerId, machines: readonly ProviderMachine[]): boolean {
  const at = (peer: PeerId): number => machines.findIndex(({ id }) => id === peer)
  const trustOf = (peer: PeerId): number => machines[at(peer)]?.trust() ?? 0
  return trustOf(one) === trustOf(other) ? at(one) > at(other) : trustOf(one) < trustOf(other)
}
