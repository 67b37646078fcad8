import { fitOf, type MemoryPlan } from '../engines/managed/memory-fit.ts'
import { DEFAULT_SLOTS } from '../limits.ts'
import type { FoundFile, Runner } from './found.ts'

/** How a file would be served. */
export interface FilePlan {
  readonly slots: number
  /** Tokens of each slot. */
  readonly context: number
  /** All of it is where the runner is fast. */
  readonly isFast: boolean
}

/** What is free now is not all free when the agent starts. */
const USABLE_SHARE = 0.9
/** From what one would like to what one could do with; tokens of a slot. */
const WISHES: readonly (readonly [slots: number, context: number])[] = [
  [DEFAULT_SLOTS, 8_192],
  [2, 8_192],
  [1, 8_192],
  [1, 4_096],
  [1, 2_048],
]
const KV_TYPES = { key: 'f16', value: 'f16' }

/** With how many slots and how long a context a file fits; undefined where it does not. */
export function fitFile({ facts }: FoundFile, runner: Runner): FilePlan | undefined {
  const { ramBytes, vramBytes } = runner.memory
  const memory = {
    ramBytes: ramBytes * USABLE_SHARE,
    ...(vramBytes === undefined ? {} : { vramBytes: vramBytes * USABLE_SHARE }),
  }
  const plans = WISHES.map(([slots, tokens]): MemoryPlan => {
    return { slots, context: Math.min(tokens, facts.contextLength), kvTypes: KV_TYPES }
  })
  const fits = plans.map((plan) => ({ ...plan, where: fitOf(facts, plan, memory).where }))
  const best = fits.find(({ where }) => where === 'vram' || where === 'ram')
  const any = best ?? fits.find(({ where }) => where === 'both')
  if (any === undefined) return undefined
  const { slots, context } = any
  return { slots, context, isFast: runner.isFast && best !== undefined }
}
