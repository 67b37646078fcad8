import type { Candidate, Position } from '@infernet/schemas/transcript'
import { normal, type Random } from '@infernet/verification/economics/random'

/**
 * A place as another machine would score it: normal noise on each listed logit. The rest of the vocabulary
 * keeps its weight, since the noise of a thousand tokens cancels.
 */
export function withNoise(position: Position, deviation: number, random: Random): Position {
  if (deviation === 0) return position
  const rest = Math.max(0, 1 - weightOf(position.top))
  const moved = ({ id, logprob }: Candidate): Candidate => ({
    id,
    logprob: logprob + deviation * normal(random),
  })
  const top = position.top.map(moved)
  const chosen = top.find(({ id }) => id === position.id) ?? moved(position)
  const logSum = Math.log(rest + weightOf(top))
  const normalised = ({ id, logprob }: Candidate): Candidate => ({
    id,
    logprob: Math.min(0, logprob - logSum),
  })
  return {
    ...normalised(chosen),
    top: top.map(normalised).sort((a, b) => b.logprob - a.logprob),
  }
}

const weightOf = (top: readonly Candidate[]): number =>
  top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)
