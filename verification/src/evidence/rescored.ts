import type { Claim, Position, Transcript } from '@infernet/schemas/transcript'
import { claimedSettings } from '../replay/claimed-answer.ts'
import { replayExcess } from '../replay/replay.ts'
import type { Scores } from './calibration.ts'
import { lpDifferences } from './lp-difference.ts'

/**
 * What a verifier's scores say of an answer (layer 2): its tokens, drawn from the verifier's candidates with the
 * cuts that were claimed; and the claimed candidates beside the verifier's. `scored` has a place for each of the
 * answer's, in order.
 */
export function rescored(
  { replay, sampler }: Pick<Claim, 'replay' | 'sampler'>,
  { prompt, positions }: Transcript,
  scored: readonly Position[],
): Scores {
  const excess = replayExcess({
    positions: scored,
    settings: claimedSettings({ sampler }),
    variant: replay,
    promptLength: prompt.length,
  })
  return { excess: [...excess], lpDifference: [...lpDifferences(positions, scored)] }
}
