import { specIdOf } from '@infernet/schemas/model-spec'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { ModelOffer } from '@infernet/schemas/wire'
import { likeMachines, machineTie } from '@infernet/verification/challenge/machine-ties'
import {
  challengeResult,
  NO_PAIR_EVIDENCE,
  type ChallengeResult,
  type PairEvidence,
} from '@infernet/verification/challenge/pair-evidence'
import { DAY_MS, dayOf } from '../account/utc-day.ts'
import { forgetOldest } from '../hub/oldest-first.ts'
import { APART_PAUSE_MS, MAX_PAIRS, REST_MS, UNCLEAR_PAUSE_MS } from './challenge-limits.ts'
import type { ProviderMachine } from './provider-machine.ts'

/** Two providers, in the order of their ids. */
export type Pair = readonly [PeerId, PeerId]

export const pairOf = (one: PeerId, other: PeerId): Pair =>
  one < other ? [one, other] : [other, one]

interface KnownPair {
  readonly evidence: PairEvidence
  /** They looked like one machine when they were asked last. */
  readonly isSuspect: boolean
  /** ms since the epoch. */
  readonly pausedUntil: number
}

const UNKNOWN: KnownPair = { evidence: NO_PAIR_EVIDENCE, isSuspect: false, pausedUntil: 0 }

const PAUSES: Record<ChallengeResult, number> = {
  shared: REST_MS,
  first_yields: REST_MS,
  second_yields: REST_MS,
  apart: APART_PAUSE_MS,
  unclear: UNCLEAR_PAUSE_MS,
}

export interface ChallengeBookOptions {
  /** Of providers whom nothing speaks against, so many are challenged a day; 0 to 1. */
  readonly share: number
  /** A number in [0, 1) that nobody can foresee, always the same one for a name. */
  readonly draw: (name: string) => number
}

/** What is known of pairs of providers, and who is to be challenged with whom. */
export class ChallengeBook {
  readonly #options: ChallengeBookOptions
  /** Those that were asked longest ago come first. */
  readonly #pairs = new Map<string, KnownPair>()
  /** The day on which each provider was drawn last. */
  readonly #drawn = new Map<PeerId, number>()

  constructor(options: ChallengeBookOptions) {
    this.#options = options
  }

  /**
   * Whom a provider is to be challenged with at `now` (ms since the epoch): who may be one machine with it, or on some
   * days, at a time that nobody knows, one of those that serve the same. Undefined where nobody is due.
   */
  partnerOf(
    machine: ProviderMachine,
    others: readonly ProviderMachine[],
    now: number,
  ): ProviderMachine | undefined {
    const { draw } = this.#options
    const pick = (from: readonly ProviderMachine[]): ProviderMachine | undefined =>
      from[Math.floor(draw(`challenge partner ${machine.id} ${now}`) * from.length)]
    const due = others.filter(
      (other) => this.#known(pairOf(machine.id, other.id)).pausedUntil <= now,
    )
    const suspects = due.filter((other) => this.#isSuspect(machine, other))
    if (suspects.length > 0) return pick(suspects)
    if (!this.#isDrawn(machine.id, now)) return undefined
    const served = new Set(machine.offers.map(serviceOf))
    const same = due.filter(({ offers }) => offers.some((offer) => served.has(serviceOf(offer))))
    const partner = pick(likeMachines(machine, same))
    if (partner !== undefined) this.#remember(machine.id, now)
    return partner
  }

  evidenceOf(pair: Pair): PairEvidence {
    return this.#known(pair).evidence
  }

  /** What a challenge that ended at `now` has left. What is decided begins anew: things change. */
  record(pair: Pair, evidence: PairEvidence, now: number): ChallengeResult {
    const result = challengeResult(evidence)
    const isSuspect = result === 'unclear' ? speaksAgainst(evidence) : result !== 'apart'
    const key = pair.join(' ')
    this.#pairs.delete(key)
    this.#pairs.set(key, {
      evidence: result === 'unclear' ? evidence : NO_PAIR_EVIDENCE,
      isSuspect,
      pausedUntil: now + PAUSES[result],
    })
    forgetOldest(this.#pairs, MAX_PAIRS)
    return result
  }

  #known(pair: Pair): KnownPair {
    return this.#pairs.get(pair.join(' ')) ?? UNKNOWN
  }

  #isSuspect(machine: ProviderMachine, other: ProviderMachine): boolean {
    return (
      machineTie(machine, other) !== undefined ||
      this.#known(pairOf(machine.id, other.id)).isSuspect
    )
  }

  #isDrawn(peer: PeerId, now: number): boolean {
    const { draw, share } = this.#options
    const day = dayOf(now)
    if (this.#drawn.get(peer) === day || draw(`challenge ${day} ${peer}`) >= share) return false
    return now >= (day + draw(`challenge time ${day} ${peer}`)) * DAY_MS
  }

  #remember(peer: PeerId, now: number): void {
    this.#drawn.delete(peer)
    this.#drawn.set(peer, dayOf(now))
    forgetOldest(this.#drawn, MAX_PAIRS)
  }
}

const speaksAgainst = ({ logShared, logYields }: PairEvidence): boolean =>
  Math.max(logShared, ...logYields) > 0

const serviceOf = ({ id, spec }: ModelOffer): string => (spec === undefined ? id : specIdOf(spec))
