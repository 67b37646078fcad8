import { BENCH_MODEL } from '../mock-engine.ts'
import type { Target } from '../target.ts'

/** The engine itself: what every other target is measured against. */
export const direct: Target = {
  name: 'direct',
  start: async (engineUrl) => ({
    baseUrl: `${engineUrl}/v1`,
    headers: {},
    model: BENCH_MODEL,
    pids: {},
    stop: async () => undefined,
  }),
}
