import { claimedFrom } from '../claims.ts'
import type { ClaimedAnswer } from '../judge.ts'
import { readingOf, type Lab } from '../lab.ts'

/** The promised model reads an answer that was made otherwise, and its logprobs are claimed. */
export async function forge(lab: Lab, answers: readonly ClaimedAnswer[]): Promise<ClaimedAnswer[]> {
  const scored = await lab.read(answers.map(readingOf))
  return answers.map((answer, i) => ({
    ...answer,
    positions: claimedFrom(scored[i] ?? [], answer.settings, lab.family),
  }))
}
