import { CanaryError } from './canary-error.ts'
import { nextCanaryState, type CanaryEvent, type CanaryState } from './canary-state.ts'
import type { RequestShape } from './request-shape.ts'

/** A request that only looks like one: for one provider, once. */
export interface Canary {
  readonly id: string
  readonly provider: string
  readonly spec: string
  /** What tells its prompt from all others, such as a hash. */
  readonly promptKey: string
  readonly shape: RequestShape
  readonly state: CanaryState
}

/**
 * A canary with a prompt of its own. `usedPrompts` has those of every canary there ever was, for whatever provider:
 * two that compare notes must not find the same. Throws {@link CanaryError} `prompt_reused`.
 */
export function planCanary(
  canary: Omit<Canary, 'state'>,
  usedPrompts: { has(promptKey: string): boolean },
): Canary {
  if (usedPrompts.has(canary.promptKey))
    throw new CanaryError('prompt_reused', 'another canary has had this prompt')
  return { ...canary, state: 'planned' }
}

/** Throws {@link CanaryError} `illegal_move`. */
export const moveCanary = (canary: Canary, event: CanaryEvent): Canary => ({
  ...canary,
  state: nextCanaryState(canary.state, event),
})
