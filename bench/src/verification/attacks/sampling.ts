import type { SamplerSettings } from '@infernet/verification/sampler-settings'
import type { Position } from '@infernet/schemas/transcript'
import { SETTINGS } from '../setup.ts'
import type { Attack } from './attack.ts'
import { forge } from './forge.ts'

const OTHER_SEED = 1n << 20n

/** Answers of the promised model, drawn otherwise than asked, with its own logprobs. */
const withSettings = (
  id: string,
  name: string,
  change: (settings: SamplerSettings) => Partial<SamplerSettings>,
): Attack => ({
  id,
  name,
  answers: async (lab, orders) => {
    const answers = await lab.answer(orders, {
      order: (order) => ({ ...order, settings: { ...order.settings, ...change(order.settings) } }),
    })
    // Other cuts leave other candidates; shown are those that the asked ones leave.
    return forge(lab, answers)
  },
})

const temperature = (percent: number): Attack =>
  withSettings('A6', `temperature ${percent > 0 ? '+' : ''}${percent} %`, () => ({
    temperature: SETTINGS.temperature * (1 + percent / 100),
  }))

/** Two decimals. */
const rounded = (positions: readonly Position[]): Position[] =>
  positions.map(({ id, logprob, top }) => ({
    id,
    logprob: twoDecimals(logprob),
    top: top.map((candidate) => ({ ...candidate, logprob: twoDecimals(candidate.logprob) })),
  }))
/** Nothing to compare with, and nothing to draw otherwise. */
const alone = ({ id }: Position): Position => ({ id, logprob: 0, top: [{ id, logprob: 0 }] })

const twoDecimals = (logprob: number): number => Math.round(logprob * 100) / 100

export const SAMPLING_ATTACKS: readonly Attack[] = [
  temperature(-6),
  temperature(6),
  temperature(-25),
  temperature(25),
  withSettings('A7', 'top_p, top_k and min_p ignored', () => ({ topK: 64, topP: 1, minP: 0 })),
  withSettings('A8', 'wrong seed', ({ seed }) => ({ seed: seed ^ OTHER_SEED })),
  withSettings('A20', "another provider's answer to the same prompt", ({ seed }) => ({
    seed: seed ^ (OTHER_SEED << 1n),
  })),
  {
    id: 'A25',
    name: 'q8_0, logprobs rounded to two decimals',
    answers: async (lab, orders) => {
      const answers = await lab.answer(orders, { weights: 'q8_0' })
      return answers.map((answer) => ({ ...answer, positions: rounded(answer.positions) }))
    },
  },
  {
    id: 'A25',
    name: 'q4_0, a single candidate shown',
    answers: async (lab, orders) => {
      const answers = await lab.answer(orders, { weights: 'q4_0' })
      return answers.map((answer) => ({ ...answer, positions: answer.positions.map(alone) }))
    },
  },
]
