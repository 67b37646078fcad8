import type { Candidate, Position } from '@infernet/schemas/transcript'

/** A position as numbers, which cross the process boundary at a fraction of what objects cost: id and logprob, then each candidate's. */
export const packPosition = ({ id, logprob, top }: Position): number[] => [
  id,
  logprob,
  ...top.flatMap((candidate) => [candidate.id, candidate.logprob]),
]

/** Undefined for no numbers at all: the generation is not traced. */
export function unpackPosition(numbers: readonly number[]): Position | undefined {
  const [id, logprob] = numbers
  if (id === undefined || logprob === undefined) return undefined
  const top: Candidate[] = []
  for (let i = 2; i + 1 < numbers.length; i += 2) {
    top.push({ id: numbers[i] ?? 0, logprob: numbers[i + 1] ?? 0 })
  }
  return { id, logprob, top }
}
