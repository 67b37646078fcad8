import { auc } from '@infernet/verification/canary/auc'
import {
  OWN_NUMBERS,
  type Calibration,
  type Scores,
} from '@infernet/verification/evidence/calibration'
import { tokensToDetection } from '@infernet/verification/evidence/request-evidence'
import { beginning, BEGINNINGS, logEs, scoresAt, type HonestClasses } from './honest.ts'
import { isContradictory, type JudgedAnswer } from './judge.ts'
import { neededOf, shuffled, type Chance, type Needed } from './needed.ts'
import { JUDGED_NOISE, NOISES, type Noise } from './setup.ts'
import { requestsToAccusation } from './wealth.ts'

export const ALPHA = 1e-4

/** What numbers say of one attack, at the judged noise unless said. */
export interface Figures {
  readonly requests: number
  /** Share of answers that contradict themselves (layer 1), and tokens and audits until that suffices. */
  readonly contradicted: number
  readonly tokensByReplay: Needed
  readonly accusedByReplay: Needed
  readonly auc: number
  /** Of answers' beginnings, by `BEGINNINGS`. */
  readonly aucOfBeginnings: readonly number[]
  /** Share of requests beyond the thresholds that honest ones exceed in 1 % and 0.1 % of cases. */
  readonly found: readonly number[]
  /** Share that fails by itself. */
  readonly failed: number
  /** Tokens of consecutive answers by layer 2 until e reaches 1/ALPHA. */
  readonly tokens: Readonly<Record<Noise, Needed>>
  /** By each statistic of layer 2 alone. */
  readonly tokensByStatistic: Readonly<Record<keyof Scores, Needed>>
  /** Audited requests until the provider is accused. */
  readonly accusedAfter: Needed
  readonly logE: readonly number[]
}

export function figuresOf(
  answers: readonly JudgedAnswer[],
  honest: HonestClasses,
  chance: Chance,
): Figures {
  const judged = honest[JUDGED_NOISE]
  const { calibration } = judged
  const scores = scoresAt(answers, JUDGED_NOISE)
  const logE = logEs(scores, calibration)
  const own = answers.map(({ ownExcess }) => ({ excess: ownExcess }))
  const alone = (pick: (one: Scores) => Partial<Scores>): Needed =>
    tokensNeeded(scores.map(pick), calibration, chance)
  const share = (least: number) => logE.filter((one) => one > least).length / logE.length
  return {
    requests: answers.length,
    contradicted: answers.filter(isContradictory).length / answers.length,
    tokensByReplay: tokensNeeded(own, OWN_NUMBERS, chance),
    accusedByReplay: requestsToAccusation(
      { cheated: logEs(own, OWN_NUMBERS), honest: [], share: 1 },
      chance,
    ),
    auc: aucOf(logE, judged.heldOut),
    aucOfBeginnings: BEGINNINGS.map((tokens, i) => {
      const beginnings = scores.map((one) => beginning(one, tokens))
      return aucOf(logEs(beginnings, calibration), judged.beginnings[i] ?? [])
    }),
    found: judged.thresholds.map((threshold) => share(threshold.logE)),
    failed: share(-Math.log(ALPHA)),
    tokens: Object.fromEntries(
      NOISES.map((noise) => [
        noise,
        tokensNeeded(scoresAt(answers, noise), honest[noise].calibration, chance),
      ]),
    ) as Record<Noise, Needed>,
    tokensByStatistic: {
      excess: alone(({ excess }) => ({ excess })),
      lpDifference: alone(({ lpDifference }) => ({ lpDifference })),
    },
    accusedAfter: requestsToAccusation({ cheated: logE, honest: judged.heldOut, share: 1 }, chance),
    logE,
  }
}

function aucOf(cheated: readonly number[], honest: readonly number[]): number {
  return auc([...cheated, ...honest], [...cheated.map(() => true), ...honest.map(() => false)])
}

/** Over answers in random order, one behind the other, as if they were one. */
function tokensNeeded(
  answers: readonly Partial<Scores>[],
  calibration: Calibration,
  { random, tries }: Chance,
): Needed {
  const all = Array.from({ length: tries }, () =>
    tokensInOrder(shuffled(answers, random), calibration),
  )
  return neededOf(all)
}

/** Most are found in the first answers, so these are tried first. */
function tokensInOrder(answers: readonly Partial<Scores>[], calibration: Calibration): number {
  for (let count = 1; ; count *= 4) {
    const some = answers.slice(0, count)
    const needed = tokensToDetection(concatenated(some), calibration, ALPHA)
    if (needed !== undefined) return needed
    if (count >= answers.length) return Infinity
  }
}

/** A statistic that is absent in one is absent in all. */
function concatenated(answers: readonly Partial<Scores>[]): Partial<Scores> {
  const all = (name: keyof Scores): Partial<Scores> =>
    answers.every((scores) => name in scores)
      ? { [name]: answers.flatMap((scores) => scores[name] ?? []) }
      : {}
  return { ...all('excess'), ...all('lpDifference') }
}
