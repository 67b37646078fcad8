import type { Position } from '@infernet/schemas/transcript'
import type { SamplerSettings } from '../sampler-settings.ts'
import { reporter, type Check, type Finding } from './finding.ts'
import type { PlausibilityRules } from './rules.ts'
import { alarmNats, surpriseOf } from './surprise.ts'

const found = reporter('implausible_tokens')

/** What a logprob of half precision, or of four decimals, may be off by: relative, and nats. */
const RELATIVE_ERROR = 2 ** -11
const ABSOLUTE_ERROR_NATS = 1e-4

/** Nucleus and temperature that leave nothing of the far tail. */
const CUTTING_TOP_P = 0.99
const CUTTING_TEMPERATURE = 0.5
const CUTTING_TOP_K = 256

/**
 * The tokens are ones that the claimed probabilities would have drawn; text from another model has some that they
 * would not. Few unlikely tokens are no sign: how many to expect follows from the mass that each position leaves
 * below its candidates. Says nothing above temperature 1, where other things steer the draw, or for positions
 * without candidates.
 */
export const implausibleTokens: Check = ({ positions, sampling, plainSampling }, rules) => {
  if (!plainSampling || sampling.temperature > 1) return []
  return [
    ...impossibleToken(positions, sampling, rules),
    ...tooManyBelow(positions, rules.neverNats, 1, rules),
    ...tooManyBelow(positions, rules.rareNats, rules.rareTokens, rules),
  ].slice(0, 1)
}

function impossibleToken(
  positions: readonly Position[],
  sampling: SamplerSettings,
  { neverNats }: PlausibilityRules,
): Finding[] {
  if (!cutsTheTail(sampling)) return []
  const count = positions.filter(({ logprob }) => logprob <= neverNats).length
  return count === 0 ? [] : [found.suspicious(`${count} tokens at ${neverNats} nats or less`)]
}

const cutsTheTail = ({ temperature, topK, topP, minP }: SamplerSettings): boolean =>
  temperature <= CUTTING_TEMPERATURE ||
  topP <= CUTTING_TOP_P ||
  minP > 0 ||
  (topK > 0 && topK <= CUTTING_TOP_K)

function tooManyBelow(
  positions: readonly Position[],
  nats: number,
  atLeast: number,
  { falseAlarm }: PlausibilityRules,
): Finding[] {
  const count = positions.filter(({ logprob }) => logprob <= nats).length
  if (count < atLeast) return []
  const expected = positions.reduce((sum, position) => sum + massBelow(position, nats), 0)
  if (surpriseOf(count, expected) < alarmNats(falseAlarm)) return []
  return [
    found.suspicious(
      `${count} tokens at ${nats} nats or less, ${expected.toPrecision(2)} to expect`,
    ),
  ]
}

/** The most that tokens of at most `nats` can weigh at a position. Cuts and lower temperatures only lessen it. */
function massBelow({ top }: Position, nats: number): number {
  let mass = 1
  for (const { logprob } of top) {
    if (logprob <= nats) break
    mass -= Math.exp(logprob) * (1 - ABSOLUTE_ERROR_NATS + logprob * RELATIVE_ERROR)
  }
  return Math.max(mass, ABSOLUTE_ERROR_NATS)
}
