import { MAX_CANARY_AUC } from '@infernet/verification/canary/distinguishability'
import type { Findings } from './experiment.ts'
import { ALPHA } from './figures.ts'
import type { OverTime, Surroundings } from './market.ts'
import { isWithinAim } from './honest.ts'
import { JUDGED_NOISE, NOISES, type Family } from './setup.ts'

/** A figure that is to be at most so much. */
export interface Goal {
  readonly family: Family | 'both'
  readonly text: string
  readonly limit: number
  readonly figure: number
  /** What keeps it from being met, where that is known. */
  readonly reason?: string
}

export const isMet = ({ figure, limit }: Goal): boolean => figure <= limit

/** Tokens within which nine of ten cheats are to be found: those of the prototype, which drew as vLLM does. */
const TOKENS: readonly (readonly [attack: string, limit: number])[] = [
  ['weights in q4_0', 8],
  ['weights in fp8', 36],
  ['weights in q8_0', 322],
  ['smaller model, logprobs forged', 17],
  ['q4_0, logprobs forged', 236],
  ['cached answer to another prompt, logprobs forged', 9],
]

const INVERSE_CDF =
  'the prototype drew as vLLM does. Of llama.cpp’s own draws a verifier with this noise would make five times as ' +
  'many otherwise, and a calibration makes room for the noisiest request that it has seen (`evidence/room.ts`), ' +
  'the more the more it has seen.'

export function goalsOf(family: Family, findings: Findings, time: OverTime): Goal[] {
  const { attacks, honest } = findings
  const thresholds = NOISES.flatMap((noise) => honest[noise].thresholds)
  const mixed = time.mixes.find(({ name, share }) => name === TOKENS[0]?.[0] && share === 0.05)
  return [
    ...TOKENS.map(([attack, limit]): Goal => ({
      family,
      text: `tokens until ${attack} is found`,
      limit,
      figure:
        attacks.find(({ name }) => name === attack)?.figures.tokens[JUDGED_NOISE].ninetieth ?? NaN,
      ...(family === 'llama-cpp' && { reason: INVERSE_CDF }),
    })),
    {
      family,
      text: 'audited requests until 5 % of q4_0 are found',
      limit: 98,
      figure: mixed?.needed.ninetieth ?? NaN,
    },
    {
      family,
      text: `honest answers of ${honest[JUDGED_NOISE].tokens} tokens that fail by themselves`,
      limit: 0,
      figure: honest[JUDGED_NOISE].falseAlarms,
    },
    {
      family,
      text: `held-out rates of honest answers, of ${thresholds.length}, above their aim`,
      limit: 0,
      figure: thresholds.filter((one) => !isWithinAim(one)).length,
    },
    {
      family,
      text: `honest providers accused in ${time.lifetimes.lifetimes} lifetimes (${ALPHA * time.lifetimes.lifetimes} allowed)`,
      limit: 0,
      figure: time.lifetimes.accused,
    },
  ]
}

export const canaryGoal = ({ canaryAuc }: Surroundings): Goal => ({
  family: 'both',
  text: 'AUC at which canaries are told from traffic',
  limit: MAX_CANARY_AUC,
  figure: canaryAuc,
})
