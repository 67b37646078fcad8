import type { Candidate } from '@infernet/schemas/transcript'
import { Mt19937 } from '../random/mt19937.ts'
import type { SamplerSettings } from '../sampler-settings.ts'
import { gumbelNoise, type Noise } from './gumbel-noise.ts'
import { llamaCppSeed } from './llama-cpp-seed.ts'
import { REPLAY_RULES, type SeededVariant } from './replay-variant.ts'
import { cutsOf, type Cuts } from './truncation.ts'

/** What an engine remembers between the tokens of one answer. */
export interface DrawState {
  readonly random: Mt19937
  /** Index, in prompt and answer, of the last token read. */
  position: number
}

/** The state before the first token after a prompt of so many. */
export const newDrawState = (seed: bigint, promptLength: number): DrawState => ({
  random: new Mt19937(llamaCppSeed(seed)),
  position: promptLength - 1,
})

/**
 * The token that an engine draws from the whole vocabulary, step by step as the engine does it: the plain
 * counterpart of the replay, which only bounds. Advances `state`.
 */
export function drawToken(
  vocabulary: readonly Candidate[],
  settings: SamplerSettings,
  variant: SeededVariant,
  state: DrawState,
): number {
  const position = state.position++
  const ranked = vocabulary.toSorted((a, b) => b.logprob - a.logprob || a.id - b.id)
  const [likeliest] = ranked
  if (likeliest === undefined) throw new RangeError('there is nothing to draw from')
  if (settings.temperature <= 0) return likeliest.id
  const kept = cut(ranked, cutsOf(settings, variant))
  const rules = REPLAY_RULES[variant]
  if (rules.family === 'gumbel') {
    return bestScore(kept, settings, gumbelNoise(rules.noise, settings.seed, position))
  }
  if (kept.length === 1 && !rules.drawsForOne) return likeliest.id
  return tokenAt(kept, settings.temperature, state.random.uniform())
}

function cut(ranked: readonly Candidate[], cuts: Cuts): readonly Candidate[] {
  const max = ranked[0]?.logprob ?? 0
  const topK = ranked.slice(0, cuts.topK)
  const minP = (of: readonly Candidate[]): readonly Candidate[] =>
    of.filter(({ logprob }) => logprob - max >= cuts.gap)
  return cuts.isMinPFirst ? topP(minP(topK), cuts) : minP(topP(topK, cuts))
}

function topP(ranked: readonly Candidate[], cuts: Cuts): readonly Candidate[] {
  const weights = weightsOf(ranked, cuts.temperature)
  const enough = cuts.topP * weights.reduce((sum, weight) => sum + weight, 0)
  let before = 0
  return ranked.filter((_, rank) => {
    const isKept = rank === 0 || before < enough
    before += weights[rank] ?? 0
    return isKept
  })
}

function bestScore(
  kept: readonly Candidate[],
  { temperature }: SamplerSettings,
  noise: Noise,
): number {
  const scores = kept.map(({ id, logprob }) => logprob / temperature + noise(id))
  return kept[scores.indexOf(Math.max(...scores))]?.id ?? 0
}

function tokenAt(kept: readonly Candidate[], temperature: number, point: number): number {
  const weights = weightsOf(kept, temperature)
  const target = point * weights.reduce((sum, weight) => sum + weight, 0)
  let upTo = 0
  const drawn = kept.find((_, rank) => (upTo += weights[rank] ?? 0) >= target)
  return (drawn ?? kept.at(-1))?.id ?? 0
}

function weightsOf(ranked: readonly Candidate[], temperature: number): readonly number[] {
  const max = ranked[0]?.logprob ?? 0
  return ranked.map(({ logprob }) => Math.exp((logprob - max) / temperature))
}
