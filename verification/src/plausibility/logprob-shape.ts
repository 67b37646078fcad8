import type { Candidate, Position } from '@infernet/schemas/transcript'
import { reporter, type Check } from './finding.ts'

const found = reporter('logprob_shape')

/** What two statements of one logprob may differ by: relative, for half precision, and nats. */
const RELATIVE_ERROR = 2 ** -10
const ABSOLUTE_ERROR_NATS = 1e-3

/**
 * What is listed can be probabilities: sorted, of distinct tokens of the vocabulary, none above 1, at most 1 in
 * sum, and the emitted token's the same where it is listed and no likelier than all of them where it is not.
 */
export const logprobShape: Check = (
  { positions, vocabularySize = Infinity },
  { massTolerance },
) => {
  for (const [at, position] of positions.entries()) {
    const fault = faultOf(position, vocabularySize, massTolerance)
    if (fault !== undefined) return [found.fail(`position ${at}: ${fault}`)]
  }
  return []
}

function faultOf(
  position: Position,
  vocabularySize: number,
  massTolerance: number,
): string | undefined {
  const { top } = position
  const all: readonly Candidate[] = [position, ...top]
  if (!all.every(({ id }) => Number.isSafeInteger(id) && id >= 0 && id < vocabularySize))
    return 'an id outside the vocabulary'
  // Also finds NaN. Minus infinity is what engines say of a masked token.
  if (!all.every(({ logprob }) => logprob <= ABSOLUTE_ERROR_NATS)) return 'a logprob above 0'
  if (new Set(top.map(({ id }) => id)).size < top.length) return 'a candidate listed twice'
  if (
    top.some(({ logprob }, i) => logprob > (top[i - 1]?.logprob ?? Infinity) + tolerance(logprob))
  )
    return 'candidates not sorted'
  const mass = top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)
  if (mass > 1 + massTolerance) return `probabilities of ${mass.toFixed(4)} in sum`
  return emittedFault(position)
}

function emittedFault({ id, logprob, top }: Position): string | undefined {
  const listed = top.find((candidate) => candidate.id === id)
  if (listed !== undefined) {
    const equal =
      listed.logprob === logprob || Math.abs(listed.logprob - logprob) <= tolerance(logprob)
    return equal ? undefined : 'two logprobs for the emitted token'
  }
  const last = top.at(-1)
  if (last === undefined || logprob <= last.logprob + tolerance(last.logprob)) return undefined
  return 'the emitted token should be among the candidates'
}

const tolerance = (logprob: number): number =>
  ABSOLUTE_ERROR_NATS + (Number.isFinite(logprob) ? Math.abs(logprob) * RELATIVE_ERROR : 0)
