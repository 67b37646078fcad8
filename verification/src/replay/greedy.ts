import { MAX_EXCESS } from './excess.ts'
import type { Ranking } from './ranking.ts'

/** At temperature 0 the likeliest token is taken: the chosen one rises, and the likeliest falls, until they meet. */
export const greedyExcess = ({ logits, chosen }: Ranking): number =>
  Math.min(MAX_EXCESS, (0 - (logits[chosen] ?? 0)) / 2)
