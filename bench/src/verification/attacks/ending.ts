import type { Order } from '../engine-messages.ts'
import type { Attack } from './attack.ts'
import { forge } from './forge.ts'

/** Part of the most tokens after which an answer is cut short. */
const EARLY = 1 / 3
/** Times that prompts are answered to find some whose answers end by themselves. */
const MOST_ROUNDS = 3

/** Answers that end elsewhere than the model would have ended them. */
export const ENDING_ATTACKS: readonly Attack[] = [
  {
    id: 'A11',
    name: 'early stop after a third, with a forged end',
    answers: async (lab, orders) => {
      const answers = await lab.answer(orders)
      const end = { id: lab.end, logprob: 0, top: [] }
      return forge(
        lab,
        answers.map((answer) => ({
          ...answer,
          positions: [...answer.positions.slice(0, EARLY * lab.maxTokens), end],
        })),
      )
    },
  },
  {
    id: 'A12',
    name: 'padding: no end where there was one, logprobs forged',
    answers: async (lab, orders) => {
      const ended: Order[] = []
      for (let round = 0; round < MOST_ROUNDS && 2 * ended.length < orders.length; round++) {
        const again = orders.map(({ prompt }) => lab.order(prompt))
        const honest = await lab.answer(again)
        ended.push(...again.filter((_, i) => honest[i]?.positions.at(-1)?.id === lab.end))
      }
      const answers = await lab.answer(ended, {
        order: (order) => ({ ...order, banned: lab.end }),
      })
      return forge(lab, answers)
    },
  },
]
