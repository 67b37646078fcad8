import { showing, type Cheat } from './cheat.ts'

/** Draws with a seed of its own, and says that it was the gateway's: as one does that gives answers out of a cache. */
export const ownSeed: Cheat = (honest) => ({
  begin: (request, sink) =>
    showing(honest.begin({ ...request, seed: request.seed ^ 1 }, sink), (evidence) => ({
      ...evidence,
      sampler: { ...evidence.sampler, seed: String(request.seed) },
    })),
})
