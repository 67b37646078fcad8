/** How fast one of a pair was in the rounds of one block, in any unit that is the same for both rounds. */
export interface Paces {
  readonly alone: number
  readonly together: number
  /** The requests it was given at a time. */
  readonly streams: number
}

/** Which of a pair were slower together than they would be alone. */
export type Slowed = readonly [boolean, boolean]

/** What the blocks of one pair have added up to: ln of the capital of gamblers who bet on one thing each. */
export interface PairEvidence {
  readonly blocks: number
  /** One machine is behind both. */
  readonly logShared: number
  /** The first, or the second, gives way whenever the other is asked. */
  readonly logYields: readonly [number, number]
  /** Two machines are behind them. */
  readonly logApart: number
}

export type ChallengeResult = 'shared' | 'first_yields' | 'second_yields' | 'apart' | 'unclear'

export const NO_PAIR_EVIDENCE: PairEvidence = {
  blocks: 0,
  logShared: 0,
  logYields: [0, 0],
  logApart: 0,
}

/** Where there are two machines, each of the accusations is ever made with a chance of 1/1,000 at most. */
const ACCUSED_LOG = Math.log(1_000)
/** Who is wrongly let go is asked again. */
const APART_LOG = Math.log(100)
/** Of the capital, each time: all of it would not outlive one block unlike the others. */
const STAKE = 0.8

/**
 * What one block says. On a machine for both, each has its part of the requests, or half where its engines take turns:
 * the larger is what it can hope for. Half way there, as factors go, it counts as slowed.
 */
export function slowedIn(one: Paces, other: Paces): Slowed {
  const all = one.streams + other.streams
  const isSlowed = ({ alone, together, streams }: Paces): boolean =>
    together < Math.sqrt(Math.max(1 / 2, streams / all)) * alone
  return [isSlowed(one), isSlowed(other)]
}

/**
 * The evidence after one more block. Each capital is an e-process: where its gambler is wrong, it ever reaches 1/α with a
 * chance of α at most. Assumed is only that nothing but chance decides about the order of a block's rounds, and that a
 * machine cannot know whether the other is asked. What makes it faster or slower meanwhile, and both at the same time,
 * may be anything: let its pace be a number for each of the three times. Then
 *
 * - one is slower together than alone in half of the orders at most: swap the two rounds, and it is not;
 * - both are in two of the six at most: either all are worst together, or each was best at another time;
 * - neither is, where one machine is behind both, in two of six at most, for the same reason.
 *
 * What asking two at a time costs by itself, in the edge or on the way, counts for nothing up to a factor of √½.
 */
export function nextPairEvidence(before: PairEvidence, [first, second]: Slowed): PairEvidence {
  const [firstYields, secondYields] = before.logYields
  return {
    blocks: before.blocks + 1,
    logShared: before.logShared + logGrowth(first && second, 1 / 3),
    logYields: [firstYields + logGrowth(first, 1 / 2), secondYields + logGrowth(second, 1 / 2)],
    logApart: before.logApart + logGrowth(!first && !second, 1 / 3),
  }
}

/** `chance`: how likely it is to come true, at most, where the gambler is wrong. */
const logGrowth = (cameTrue: boolean, chance: number): number =>
  Math.log1p(STAKE * (cameTrue ? 1 / chance - 1 : -1))

export function challengeResult({ logApart, logShared, logYields }: PairEvidence): ChallengeResult {
  if (logShared >= ACCUSED_LOG) return 'shared'
  if (logYields[0] >= ACCUSED_LOG) return 'first_yields'
  if (logYields[1] >= ACCUSED_LOG) return 'second_yields'
  return logApart >= APART_LOG ? 'apart' : 'unclear'
}
