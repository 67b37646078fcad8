import type { Cheat } from './cheat.ts'
import { smallForger } from './small-forger.ts'

const ONE_IN = 5

/** Answers one request in five with a smaller model, and is honest between. */
export const intermittent: Cheat = async (honest) => {
  const cheating = await smallForger(honest)
  let requests = 0
  return {
    ...cheating,
    begin: (request, sink) => (++requests % ONE_IN === 0 ? cheating : honest).begin(request, sink),
  }
}
