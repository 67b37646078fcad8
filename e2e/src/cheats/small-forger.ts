import { cheapEngine } from './cheap-model.ts'
import type { Cheat } from './cheat.ts'
import { forging } from './forged.ts'

/** Answers with half of the model's layers, and claims the promised model's numbers for what they said. */
export const smallForger: Cheat = async (honest) => {
  const small = await cheapEngine({ type: 'Q8_0', layers: 2 })
  return {
    begin: (request, sink) => forging(honest, sink, (late) => small.begin(request, late)),
    close: () => small.close(),
  }
}
