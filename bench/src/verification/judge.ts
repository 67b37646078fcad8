import type { Position } from '@infernet/schemas/transcript'
import { seededRandom } from '@infernet/verification/economics/random'
import type { Scores } from '@infernet/verification/evidence/calibration'
import { lpDifferences } from '@infernet/verification/evidence/lp-difference'
import { claimedAnswer } from '@infernet/verification/replay/claimed-answer'
import { replayExcess } from '@infernet/verification/replay/replay'
import type { SamplerSettings } from '@infernet/verification/sampler-settings'
import { NOISES, type Family, type Noise } from './setup.ts'
import { withNoise } from './verifier-noise.ts'

/** What a provider claims to have done for one request. */
export interface ClaimedAnswer {
  readonly prompt: readonly number[]
  readonly positions: readonly Position[]
  /** As the request had them. */
  readonly settings: SamplerSettings
}

/** What both layers find in one answer. */
export interface JudgedAnswer {
  readonly tokens: number
  /** Layer 1: nats by which the claimed logprobs had to move for the claimed draws; rounding is none. */
  readonly ownExcess: readonly number[]
  /** Layer 2, by the verifier's noise. */
  readonly scores: Readonly<Record<Noise, Scores>>
  /** Nats a token under the promised model: of the tokens, and as its own draws have on average. */
  readonly crossEntropy: number
  readonly entropy: number
  /** ms that layer 1 took. */
  readonly replayMs: number
}

/** As the edge has it: a draw that is off by less is none. */
const ROUNDING_NATS = 0.01

/** Judges one answer; `scored` is what the promised model says of its tokens, as computed. */
export function judge(
  answer: ClaimedAnswer,
  scored: readonly Position[],
  family: Family,
  vocabSize: number,
  seed: number,
): JudgedAnswer {
  const { prompt, positions, settings } = answer
  const started = performance.now()
  const own = replayExcess(ownReplay(prompt, positions, settings, family))
  const replayMs = performance.now() - started
  const random = seededRandom(seed)
  const scoresAt = (noise: Noise): Scores => {
    const seen = scored.map((position) => withNoise(position, noise, random))
    return scoresOf(answer, seen, family, vocabSize)
  }
  return {
    tokens: positions.length,
    ownExcess: [...own].map((excess) => (excess <= ROUNDING_NATS ? 0 : excess)),
    scores: Object.fromEntries(
      NOISES.map((noise) => [noise, scoresAt(noise)]),
    ) as JudgedAnswer['scores'],
    crossEntropy: -mean(scored.map(({ logprob }) => logprob)),
    entropy: mean(scored.map(entropyOf)),
    replayMs,
  }
}

/** Whether an answer cannot have been drawn from what is claimed of it. */
export const isContradictory = ({ ownExcess }: JudgedAnswer): boolean =>
  ownExcess.some((excess) => excess > 0)

/** Layer 2: what a verifier that sees these places finds. */
export function scoresOf(
  { prompt, positions, settings }: ClaimedAnswer,
  seen: readonly Position[],
  family: Family,
  vocabSize: number,
): Scores {
  const answer = { positions: seen, settings, variant: family, promptLength: prompt.length }
  return {
    excess: [...replayExcess({ ...answer, vocabSize })],
    lpDifference: [...lpDifferences(positions, seen)],
  }
}

function ownReplay(
  prompt: readonly number[],
  positions: readonly Position[],
  { temperature, topK, topP, minP, seed }: SamplerSettings,
  family: Family,
) {
  const sampler = { temperature, top_k: topK, top_p: topP, min_p: minP, seed: `${seed}` }
  const claim = { sampler, replay: family, kept_only: family === 'llama-cpp' }
  return claimedAnswer(claim, { prompt, positions })
}

/** Of the listed part, which has nearly all of it. */
const entropyOf = ({ top }: Position): number =>
  -top.reduce((sum, { logprob }) => sum + Math.exp(logprob) * logprob, 0)

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
