import type { End } from '@infernet/schemas/wire'
import type { Attempt } from './attempt.ts'
import type { Leg } from './job-record.ts'

/**
 * Who has a job, and who had a part in its answer. At most one lease answers; before it does, one or,
 * while a slow provider is hedged, two are candidates.
 */
export class JobLeases {
  /** All there were, in order. */
  readonly all: Attempt[] = []
  /** Leases that nobody has answered yet. */
  #candidates: Attempt[] = []
  /** Leases that delivered a part, before the one that answers now. */
  readonly #legs: Leg[] = []
  #answerer: Attempt | undefined
  #end: End | undefined

  /** The lease whose bytes the client gets. */
  get answerer(): Attempt | undefined {
    return this.#answerer
  }

  get candidates(): readonly Attempt[] {
    return this.#candidates
  }

  /** Those that may still bring something. */
  get live(): readonly Attempt[] {
    return this.#answerer === undefined ? [...this.#candidates] : [this.#answerer]
  }

  isLive(attempt: Attempt): boolean {
    return attempt === this.#answerer || this.#candidates.includes(attempt)
  }

  isCandidate(attempt: Attempt): boolean {
    return this.#candidates.includes(attempt)
  }

  add(attempt: Attempt): void {
    this.all.push(attempt)
    this.#candidates.push(attempt)
  }

  /** The first with bytes wins. Returns the slower ones, which are to be called back. */
  answers(attempt: Attempt): readonly Attempt[] {
    this.#answerer = attempt
    return this.takeCandidates().filter((other) => other !== attempt)
  }

  /** There are no candidates any more; returns who they were. */
  takeCandidates(): readonly Attempt[] {
    const candidates = this.#candidates
    this.#candidates = []
    return candidates
  }

  /** A candidate brings nothing any more. False when the lease had been given up before. */
  leave(attempt: Attempt): boolean {
    const live = this.isLive(attempt)
    this.#candidates = this.#candidates.filter((other) => other !== attempt)
    return live
  }

  /** The answering provider's last word. */
  ended(end: End): void {
    this.#end = end
  }

  /** The answerer delivered a part and another goes on, or, with `isLeg` false, nothing of it counts. */
  next(isLeg: boolean): void {
    if (isLeg && this.#answerer !== undefined) {
      this.#legs.push({ attempt: this.#answerer, end: this.#end })
    }
    this.#answerer = undefined
    this.#end = undefined
  }

  /** Who had a part in the answer, in order. A job that nobody answered names the last who was asked. */
  get legs(): readonly Leg[] {
    const last = this.#answerer ?? (this.#legs.length === 0 ? this.all.at(-1) : undefined)
    return last === undefined ? this.#legs : [...this.#legs, { attempt: last, end: this.#end }]
  }
}
