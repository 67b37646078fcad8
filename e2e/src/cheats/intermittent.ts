import type { Cheat } from './cheat.ts'
import { ownSeed } from './own-seed.ts'

const ONE_IN = 3

/** Cheats on one request in three, and is honest between. */
export const intermittent: Cheat = async (honest) => {
  const cheating = await ownSeed(honest)
  let requests = 0
  return {
    begin: (request, sink) => (++requests % ONE_IN === 0 ? cheating : honest).begin(request, sink),
  }
}
