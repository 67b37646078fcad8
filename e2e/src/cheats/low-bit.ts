import { cheapEngine } from './cheap-model.ts'
import { showing, type Cheat } from './cheat.ts'

/** Runs weights of four bits, and says that they are the promised ones. */
export const lowBit: Cheat = async ({ spec }) => {
  const cheap = await cheapEngine({ type: 'Q4_0' })
  return {
    begin: (request, sink) =>
      showing(cheap.begin(request, sink), (evidence) => ({ ...evidence, spec })),
    close: () => cheap.close(),
  }
}
