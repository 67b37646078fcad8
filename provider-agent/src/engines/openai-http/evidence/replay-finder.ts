import type { Claim } from '@infernet/schemas/transcript'
import { claimedAnswer } from '@infernet/verification/replay/claimed-answer'
import { replayExcess } from '@infernet/verification/replay/replay'
import type { SeededVariant } from '@infernet/verification/replay/replay-variant'
import type { Evidence } from '../../engine.ts'
import type { ShowingKind } from './evidence-plan.ts'

/** Rules that a kind of server may draw by, likelier ones first. */
const VARIANTS: Readonly<Record<ShowingKind, readonly SeededVariant[]>> = {
  vllm: ['vllm-gumbel-murmur', 'vllm-gumbel'],
  'llama-server': ['llama-cpp', 'llama-cpp-early-out'],
}

/** Tokens by which a rule is chosen, at least, and of one answer at most. */
const ENOUGH_TOKENS = 64
export const TOKENS_PER_ANSWER = 32
/** Answers asked for: some end early, and rules that differ only where one candidate is left need such places. */
const MAX_ANSWERS = 12
/** Of the tokens that can be judged, what a rule has to explain. */
const EXPLAINED_SHARE = 0.95
/** Of all tokens, what has to be judgeable. */
const JUDGED_SHARE = 0.5
/** What an engine's own rounding of its numbers may move a token by, in nats. */
const ROUNDING_NATS = 0.01

/** How the answers are asked for, in turn: hot, so that seeds tell; and cut, so that single candidates are left. */
export const TEST_SETTINGS = [
  { temperature: 1.5, top_k: 20, top_p: 1, min_p: 0 },
  { temperature: 1, top_k: 20, top_p: 0.5, min_p: 0.05 },
] as const

interface Tally {
  tokens: number
  judged: number
  explained: number
}

/**
 * The rule that a server draws tokens by: the only one that explains what it answered. `answer` asks for one with
 * the settings and seed given. `none` where no rule does, where several do, or where any seed would.
 */
export async function findReplay(
  kind: ShowingKind,
  answer: (settings: (typeof TEST_SETTINGS)[number], seed: number) => Promise<Evidence | undefined>,
): Promise<Claim['replay']> {
  const variants = VARIANTS[kind]
  const tallies = new Map(variants.map((variant) => [variant, emptyTally()]))
  const others = new Map(variants.map((variant) => [variant, emptyTally()]))
  for (let i = 0; i < MAX_ANSWERS; i++) {
    const seed = 1_000 + i
    const settings = TEST_SETTINGS[i % TEST_SETTINGS.length] ?? TEST_SETTINGS[0]
    const evidence = await answer(settings, seed)
    if (evidence === undefined) continue
    for (const variant of variants) {
      count(tallies.get(variant), evidence, variant, seed)
      count(others.get(variant), evidence, variant, seed + 1)
    }
    const fitting = variants.filter((variant) => fits(tallies.get(variant)))
    const [found] = fitting
    const isEnough = (tallies.get(variants[0] ?? 'llama-cpp')?.tokens ?? 0) >= ENOUGH_TOKENS
    if (isEnough && fitting.length === 0) return 'none'
    const isSure = fitting.length === 1 && found !== undefined && !fits(others.get(found))
    if (isEnough && isSure && i % TEST_SETTINGS.length === TEST_SETTINGS.length - 1) return found
  }
  return 'none'
}

const emptyTally = (): Tally => ({ tokens: 0, judged: 0, explained: 0 })

function count(
  tally: Tally | undefined,
  evidence: Evidence,
  replay: SeededVariant,
  seed: number,
): void {
  if (tally === undefined) return
  const sampler = { ...evidence.sampler, seed: String(seed) }
  const excess = replayExcess(claimedAnswer({ ...evidence, replay, sampler }, evidence.transcript))
  tally.tokens += excess.length
  for (const nats of excess) {
    if (!Number.isNaN(nats)) tally.judged++
    if (nats <= ROUNDING_NATS) tally.explained++
  }
}

const fits = (tally: Tally | undefined): boolean =>
  tally !== undefined &&
  tally.judged >= JUDGED_SHARE * tally.tokens &&
  tally.explained >= EXPLAINED_SHARE * tally.judged
