import type { Order } from '../engine-messages.ts'
import type { ClaimedAnswer } from '../judge.ts'
import { readingOf, type Deviation, type Lab } from '../lab.ts'
import { SETTINGS } from '../setup.ts'
import type { Attack } from './attack.ts'
import { forge } from './forge.ts'

const forgedBy = (id: string, name: string, deviation: Deviation): Attack => ({
  id,
  name,
  answers: async (lab, orders) => forge(lab, await lab.answer(orders, deviation)),
})

/** Answers of other prompts, as a cache gives them that takes prompts for each other. */
async function cached(lab: Lab, orders: readonly Order[]): Promise<ClaimedAnswer[]> {
  const earlier = await lab.answer(orders)
  const answers = earlier.map((answer, i): ClaimedAnswer => ({
    ...answer,
    positions: earlier[(i + 1) % earlier.length]?.positions ?? [],
  }))
  return forge(lab, answers)
}

/** Temperatures that a smaller model is tried at, and answers at each. */
const TRIED = [0.5, 0.65, 0.8]
const TRIALS = 16

/**
 * A smaller model at the temperature at which the promised one finds its answers as likely as its own: what
 * tests of the tokens' likelihood cannot see (the tamper of arXiv 2511.20621).
 */
async function matchedLikelihood(lab: Lab, orders: readonly Order[]): Promise<ClaimedAnswer[]> {
  const some = orders.slice(0, TRIALS)
  const own = await meanLogprob(lab, await lab.answer(some))
  const tried: { temperature: number; apart: number }[] = []
  for (const temperature of TRIED) {
    const answers = await lab.answer(some, smallAt(temperature))
    tried.push({ temperature, apart: (await meanLogprob(lab, answers)) - own })
  }
  return forge(lab, await lab.answer(orders, smallAt(crossing(tried))))
}

const smallAt = (temperature: number): Deviation => ({
  weights: 'small',
  order: (order) => ({ ...order, settings: { ...order.settings, temperature } }),
})

async function meanLogprob(lab: Lab, answers: readonly ClaimedAnswer[]): Promise<number> {
  const logprobs = (await lab.read(answers.map(readingOf))).flat().map(({ logprob }) => logprob)
  return logprobs.reduce((sum, logprob) => sum + logprob, 0) / logprobs.length
}

/** Where the line through the outermost two is 0. */
function crossing(tried: readonly { temperature: number; apart: number }[]): number {
  const [first, last] = [tried[0], tried.at(-1)]
  if (first === undefined || last === undefined) return SETTINGS.temperature
  const slope = (last.apart - first.apart) / (last.temperature - first.temperature)
  const at = first.temperature - first.apart / slope
  return Math.min(1, Math.max(0.2, Number.isFinite(at) ? at : SETTINGS.temperature))
}

export const FORGED_ATTACKS: readonly Attack[] = [
  forgedBy('A4', 'smaller model, logprobs forged', { weights: 'small' }),
  forgedBy('A5', 'q4_0, logprobs forged', { weights: 'q4_0' }),
  forgedBy('A5', 'q8_0, logprobs forged', { weights: 'q8_0' }),
  { id: 'A9', name: 'cached answer to another prompt, logprobs forged', answers: cached },
  forgedBy('A15', "a smaller model's drafts always accepted", { draft: 'small' }),
  {
    id: 'A26',
    name: 'smaller model as likely as the promised one, logprobs forged',
    answers: matchedLikelihood,
  },
]
