import type { Claim, Transcript } from '@infernet/schemas/transcript'
import type { SamplerSettings } from '../sampler-settings.ts'
import type { ReplayedAnswer } from './replay.ts'

/** The settings that a claim names. */
export const claimedSettings = ({ sampler }: Pick<Claim, 'sampler'>): SamplerSettings => ({
  temperature: sampler.temperature,
  topK: sampler.top_k,
  topP: sampler.top_p,
  minP: sampler.min_p,
  seed: BigInt(sampler.seed),
})

/**
 * What a claim says of itself (layer 1): its tokens, drawn from its own candidates. Where these are what
 * the cuts have left, top_p would cut again; the others would not, and bound what is not listed.
 */
export function claimedAnswer(
  claim: Pick<Claim, 'sampler' | 'replay' | 'kept_only'>,
  { prompt, positions }: Transcript,
): ReplayedAnswer {
  const settings = claimedSettings(claim)
  return {
    positions,
    settings: claim.kept_only ? { ...settings, topP: 1 } : settings,
    variant: claim.replay,
    promptLength: prompt.length,
  }
}
