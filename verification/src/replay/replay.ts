import type { Position } from '@infernet/schemas/transcript'
import { Mt19937 } from '../random/mt19937.ts'
import type { SamplerSettings } from '../sampler-settings.ts'
import { excessOf } from './excess.ts'
import { greedyExcess } from './greedy.ts'
import { GumbelCheck } from './gumbel.ts'
import { gumbelNoise, type NoiseSource } from './gumbel-noise.ts'
import { InverseCdfCheck } from './inverse-cdf.ts'
import { LLAMA_CPP_RANDOM_SEED, llamaCppSeed } from './llama-cpp-seed.ts'
import { rankCandidates, type Ranking } from './ranking.ts'
import { REPLAY_RULES, type ReplayVariant, type SeededVariant } from './replay-variant.ts'
import { cutsOf, Truncation } from './truncation.ts'

/**
 * Nats by which the logits of two machines with one spec may differ, with room to spare. Where less decides
 * whether an engine drew a number at all, nobody knows which number its next token got.
 */
const ALIGNMENT_NATS = 0.05

export interface ReplayedAnswer {
  readonly positions: readonly Position[]
  readonly settings: SamplerSettings
  readonly variant: ReplayVariant
  /** Tokens before the answer's first. */
  readonly promptLength: number
  /** Tokens that the engine chooses from. What is not listed is bounded more closely by it. */
  readonly vocabSize?: number
}

/**
 * For each token of an answer, in nats, by how much every logit must be allowed to differ from the reported
 * one, up or down, before the engine with that seed would have drawn this token.
 *
 * - 0: from the reported logits, the engine draws it.
 * - above 0, at most `MAX_EXCESS`: it does not, whatever the tokens are that the report does not list. If
 *   none of the engine's logits was further than ε from the reported one, no excess is above ε.
 * - NaN: unlisted tokens decide. Count it as no finding; to leave it out would leave out more honest tokens
 *   than others.
 *
 * A token's number is always the same, whatever stands before it, but for `llama-cpp-early-out`: there all
 * is NaN behind a place where the report leaves open whether the engine drew, and ε must be below
 * `ALIGNMENT_NATS`.
 *
 * Not for answers under a grammar, logit bias or penalties: they are drawn from logits that no report has.
 */
export function replayExcess(answer: ReplayedAnswer): Float64Array {
  const vocabSize = answer.vocabSize ?? Infinity
  const judge = judgeOf(answer)
  return Float64Array.from(answer.positions, (position, index) =>
    judge(rankCandidates(position, vocabSize), index),
  )
}

/** Told of every place of an answer in turn. */
type Judge = (ranking: Ranking | undefined, index: number) => number

function judgeOf({ settings, variant, promptLength }: ReplayedAnswer): Judge {
  if (settings.temperature <= 0) return (ranking) => (ranking ? greedyExcess(ranking) : NaN)
  if (variant === 'none') return () => NaN
  const rules = REPLAY_RULES[variant]
  return rules.family === 'gumbel'
    ? gumbelJudge(settings, variant, promptLength, rules.noise)
    : inverseCdfJudge(settings, variant)
}

function gumbelJudge(
  settings: SamplerSettings,
  variant: SeededVariant,
  promptLength: number,
  source: NoiseSource,
): Judge {
  const { seed, temperature } = settings
  const cuts = cutsOf(settings, variant)
  return (ranking, index) => {
    if (ranking === undefined) return NaN
    const noise = gumbelNoise(source, seed, promptLength - 1 + index)
    return excessOf(new GumbelCheck(ranking, temperature, cuts, noise))
  }
}

function inverseCdfJudge(settings: SamplerSettings, variant: SeededVariant): Judge {
  const { temperature } = settings
  const cuts = cutsOf(settings, variant)
  const seed = llamaCppSeed(settings.seed)
  if (seed === LLAMA_CPP_RANDOM_SEED) return () => NaN
  const random = new Mt19937(seed)
  const drawsForOne = variant === 'llama-cpp'
  let isAligned = true
  return (ranking) => {
    const isDrawn = drawsForOne || drawsFrom(ranking && new Truncation(ranking, cuts))
    isAligned &&= isDrawn !== undefined
    // A lone candidate has the whole range, so any point does.
    const point = isDrawn ? random.uniform() : 0
    if (ranking === undefined || !isAligned) return NaN
    return excessOf(new InverseCdfCheck(ranking, temperature, cuts, point))
  }
}

/** Whether more than one candidate was left; undefined where too little decides it. */
function drawsFrom(truncation: Truncation | undefined): boolean | undefined {
  if (truncation === undefined) return undefined
  const { fewest, most, mayRest } = truncation.survivors(ALIGNMENT_NATS)
  if (fewest > 1) return true
  return most === 1 && !mayRest ? false : undefined
}
