import type { Attack } from './attack.ts'

/** The second half of the prompt is answered, and the whole claimed. */
export const PROMPT_ATTACKS: readonly Attack[] = [
  {
    id: 'A10',
    name: 'first half of the prompt dropped, the whole claimed',
    answers: async (lab, orders) => {
      const halved = await lab.answer(orders, {
        order: (order) => ({ ...order, prompt: order.prompt.slice(order.prompt.length / 2) }),
      })
      return halved
    },
  },
]
