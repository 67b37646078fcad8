import type { Price } from '@infernet/schemas/wire'
import { MAX_CANDIDATES } from '../limits.ts'

/** What matching knows of a provider that serves the wanted model. */
export interface Candidate {
  readonly peer: string
  readonly slots: number
  /** Jobs this hub gave it and has not seen end. */
  readonly inFlight: number
  /** Jobs it reported running for anyone, and those waiting in its engine. */
  readonly reported: number
  readonly draining: boolean
  readonly price: Price
}

/** Share of its slots in use; above 1 when its engine queues. */
const loadOf = (candidate: Candidate): number =>
  Math.max(candidate.inFlight, candidate.reported) / candidate.slots

export type Refusal = 'full' | 'none'

/**
 * Picks a provider by the power of two choices: of two drawn at random, the less loaded. When
 * neither can take the job, up to {@link MAX_CANDIDATES} others are looked at from a random start, so
 * the work is bounded however many providers serve the model.
 *
 * `random` yields numbers in [0, 1). Returns `full` when only load stood in the way, `none` when
 * nobody was eligible at all.
 */
export function chooseProvider<C extends Candidate>(
  candidates: readonly C[],
  rules: { readonly maxPrice: Price; readonly exclude: ReadonlySet<string> },
  random: () => number,
): C | Refusal {
  const count = candidates.length
  if (count === 0) return 'none'
  const eligible = (candidate: C): boolean =>
    !candidate.draining &&
    !rules.exclude.has(candidate.peer) &&
    candidate.price.prompt <= rules.maxPrice.prompt &&
    candidate.price.completion <= rules.maxPrice.completion
  const free = (candidate: C | undefined): candidate is C =>
    candidate !== undefined && candidate.inFlight < candidate.slots && eligible(candidate)

  const first = candidates[Math.floor(random() * count)]
  const second = candidates[Math.floor(random() * count)]
  if (free(first) && free(second)) return loadOf(first) <= loadOf(second) ? first : second
  if (free(first)) return first
  if (free(second)) return second

  const start = Math.floor(random() * count)
  let full = false
  for (let i = 0; i < Math.min(count, MAX_CANDIDATES); i++) {
    const candidate = candidates[(start + i) % count]
    if (free(candidate)) return candidate
    if (candidate !== undefined && eligible(candidate)) full = true
  }
  return full ? 'full' : 'none'
}
