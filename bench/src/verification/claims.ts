import { MAX_CANDIDATES } from '@infernet/schemas/limits'
import type { Candidate, Position } from '@infernet/schemas/transcript'
import type { SamplerSettings } from '@infernet/verification/sampler-settings'
import type { Family } from './setup.ts'

/**
 * What an honest engine would have reported of places, had it drawn these tokens: what a cheat can claim
 * who lets the promised model read an answer that it made otherwise.
 */
export const claimedFrom = (
  scored: readonly Position[],
  settings: Omit<SamplerSettings, 'seed'>,
  family: Family,
): Position[] =>
  scored.map((position) =>
    family === 'llama-cpp'
      ? keptOnly(position, settings)
      : { ...position, top: position.top.slice(0, MAX_CANDIDATES) },
  )

/** llama.cpp's cuts, with the token itself if they had taken it. */
function keptOnly(
  { id, logprob, top }: Position,
  { topK, topP, minP }: Omit<SamplerSettings, 'seed'>,
): Position {
  const first = top.slice(0, topK > 0 ? topK : top.length)
  const least = (first[0]?.logprob ?? 0) + Math.log(minP)
  const whole = weightOf(first)
  let before = 0
  const kept = first.filter((candidate, rank) => {
    const isKept = rank === 0 || (before < topP * whole && candidate.logprob >= least)
    before += Math.exp(candidate.logprob)
    return isKept
  })
  if (!kept.some((candidate) => candidate.id === id)) kept.push({ id, logprob })
  const logSum = Math.log(weightOf(kept))
  const normalised = (one: number): number => Math.min(0, Math.fround(one - logSum))
  return {
    id,
    logprob: normalised(logprob),
    top: kept
      .slice(0, MAX_CANDIDATES)
      .map((candidate) => ({ id: candidate.id, logprob: normalised(candidate.logprob) })),
  }
}

const weightOf = (candidates: readonly Candidate[]): number =>
  candidates.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)
