import type { KnownAnswer } from '@infernet/verification/canary/verifier-check'
import type { Verifier } from '../audit/verifiers.ts'
import { forgetOldest } from '../hub/oldest-first.ts'
import { MAX_KNOWN_PER_SPEC, MAX_KNOWN_SPECS, MAX_KNOWN_TOKENS } from './canary-limits.ts'

/** What a verifier has said of an answer. */
export interface KnownScore {
  readonly answer: KnownAnswer
  /** On the connection on which it said so: after it, it may run something else. */
  readonly by: Verifier
  /** Another one has said the same. */
  isConfirmed: boolean
}

/** Shorter answers tell too little. */
const LEAST_TOKENS = 16

/** Some answers of each spec with their scores, to ask verifiers about again. */
export class KnownScores {
  /** The oldest of a spec come first. */
  readonly #bySpec = new Map<string, KnownScore[]>()

  /** Keeps the beginning of an answer where there is room, or where it is to take another's place. */
  remember(
    spec: string,
    { prompt, positions }: KnownAnswer,
    by: Verifier,
    replaces: boolean,
  ): void {
    if (positions.length < LEAST_TOKENS) return
    const known = this.#bySpec.get(spec) ?? []
    if (known.length >= MAX_KNOWN_PER_SPEC && !replaces) return
    const answer = { prompt, positions: positions.slice(0, MAX_KNOWN_TOKENS) }
    if (known.length >= MAX_KNOWN_PER_SPEC) known.splice(leastWorth(known), 1)
    known.push({ answer, by, isConfirmed: false })
    this.#bySpec.set(spec, known)
    forgetOldest(this.#bySpec, MAX_KNOWN_SPECS)
  }

  /** One of a spec's, by a number in [0, 1). */
  pick(spec: string, random: number): KnownScore | undefined {
    const known = this.#bySpec.get(spec) ?? []
    return known[Math.floor(random * known.length)]
  }

  /** Keeps only what `isGood`. */
  retain(isGood: (known: KnownScore) => boolean): void {
    for (const [spec, known] of this.#bySpec) this.#bySpec.set(spec, known.filter(isGood))
  }
}

/** The oldest of those that one alone has said; of all, where there are none. */
const leastWorth = (known: readonly KnownScore[]): number =>
  Math.max(
    0,
    known.findIndex(({ isConfirmed }) => !isConfirmed),
  )
