import type { Comparator } from './comparator.ts'

export interface Classification {
  readonly label: string
  /** By how much its logit exceeds the second label's, nats. */
  readonly margin: number
}

/** What noise makes of the difference of two logits, nats. To be calibrated per class. */
export const LABEL_NOISE_NATS = 0.25

/**
 * Equal labels agree. Two labels that each lead the other claim margins of opposite sign for one difference of
 * logits, so what lies between two honest machines is the sum of both margins: within the noise it is a tie.
 *
 * For engines that tell the margin, and prompts that are the same to the token. Nothing calls it yet: no client's answer
 * is known to be both, see "What cannot be detected" in docs/verification.md.
 */
export const labelComparator = (
  noiseNats: number = LABEL_NOISE_NATS,
): Comparator<Classification> => ({
  fault: ({ margin }) =>
    margin >= 0 && margin < Infinity ? undefined : 'a margin that the likeliest cannot have',
  compare: (one, other) => {
    if (one.label === other.label) return 'agree'
    return one.margin + other.margin <= noiseNats ? 'tie' : 'disagree'
  },
})
