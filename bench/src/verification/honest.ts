import {
  calibrate,
  type Calibration,
  type Scores,
} from '@infernet/verification/evidence/calibration'
import { requestEvidence } from '@infernet/verification/evidence/request-evidence'
import { clopperPearsonUpper } from '@infernet/verification/statistics/binomial-bounds'
import { sureQuantile } from '@infernet/verification/statistics/quantile'
import type { JudgedAnswer } from './judge.ts'
import { NOISES, type Noise } from './setup.ts'

/** Parts of the first half, each judged by what the others show. */
const FOLDS = 5
/** Tokens of an answer that are looked at alone. */
export const BEGINNINGS = [16, 64] as const
/** With which an interval holds the true rate, and a threshold its aim. */
const CONFIDENCE = 0.95
/** e from which one request fails by itself, as `verdictOf` has it. */
const FAILED_LOG_E = Math.log(1e4)

/** What is known of honest answers at one noise: learnt from one half, and held against the other. */
export interface HonestClass {
  readonly calibration: Calibration
  /** ln e of the half that the calibration has not seen, ascending. */
  readonly heldOut: readonly number[]
  /** The same from the first tokens alone, by {@link BEGINNINGS}. */
  readonly beginnings: readonly (readonly number[])[]
  readonly tokens: number
  /** Requests with e of 10^4 or more. */
  readonly falseAlarms: number
  /** Share of tokens with any excess. */
  readonly mismatchRate: number
  readonly thresholds: readonly Threshold[]
}

/** The ln e that so many honest requests exceed at most, and how many of the second half do. */
export interface Threshold {
  readonly rate: number
  readonly logE: number
  /** From the first half, each part judged by the rest; else what an e-value promises by itself, e of 1 / rate. */
  readonly isLearnt: boolean
  readonly heldOutRate: number
  readonly interval: readonly [number, number]
}

export type HonestClasses = Readonly<Record<Noise, HonestClass>>

/** `seen` and `unseen`: honest answers to prompts from different texts. */
export const honestClasses = (
  seen: readonly JudgedAnswer[],
  unseen: readonly JudgedAnswer[],
): HonestClasses =>
  Object.fromEntries(
    NOISES.map((noise) => [noise, honestClass(scoresAt(seen, noise), scoresAt(unseen, noise))]),
  ) as Record<Noise, HonestClass>

export const scoresAt = (answers: readonly JudgedAnswer[], noise: Noise): Scores[] =>
  answers.map(({ scores }) => scores[noise])

function honestClass(seen: readonly Scores[], unseen: readonly Scores[]): HonestClass {
  const calibration = calibrate(seen)
  const learnt = Array.from({ length: FOLDS }, (_, fold) => {
    const [own, others] = [0, 1].map((other) =>
      seen.filter((_, i) => Number(i % FOLDS !== fold) === other),
    )
    return logEs(own ?? [], calibrate(others ?? []))
  }).flat()
  const heldOut = logEs(unseen, calibration).sort((a, b) => a - b)
  const excess = unseen.flatMap((scores) => scores.excess)
  return {
    calibration,
    heldOut,
    beginnings: BEGINNINGS.map((tokens) =>
      logEs(
        unseen.map((scores) => beginning(scores, tokens)),
        calibration,
      ),
    ),
    tokens: excess.length,
    falseAlarms: heldOut.filter((one) => one >= FAILED_LOG_E).length,
    mismatchRate: excess.filter((one) => one > 0).length / excess.length,
    thresholds: [0.01, 0.001].map((rate) =>
      thresholdAt(
        rate,
        learnt.toSorted((a, b) => a - b),
        heldOut,
      ),
    ),
  }
}

export const beginning = ({ excess, lpDifference }: Scores, tokens: number): Scores => ({
  excess: excess.slice(0, tokens),
  lpDifference: lpDifference.slice(0, tokens),
})

export const logEs = (all: readonly Partial<Scores>[], calibration: Calibration): number[] =>
  all.map((scores) => requestEvidence(scores, calibration).logE)

function thresholdAt(
  rate: number,
  learnt: readonly number[],
  heldOut: readonly number[],
): Threshold {
  const sure = sureQuantile(learnt, rate, CONFIDENCE)
  const logE = sure ?? -Math.log(rate)
  const hits = heldOut.filter((one) => one > logE).length
  return {
    rate,
    logE,
    isLearnt: sure !== undefined,
    heldOutRate: hits / heldOut.length,
    interval: interval(hits, heldOut.length),
  }
}

/** Whether the rate of the half that nothing was learnt from may be what was aimed at, or less. */
export const isWithinAim = ({ rate, interval: [least] }: Threshold): boolean => least <= rate

/** Clopper and Pearson's, both sides. */
function interval(hits: number, trials: number): readonly [number, number] {
  const oneSided = (1 + CONFIDENCE) / 2
  return [
    1 - clopperPearsonUpper(trials - hits, trials, oneSided),
    clopperPearsonUpper(hits, trials, oneSided),
  ]
}
