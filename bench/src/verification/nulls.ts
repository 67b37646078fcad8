import { UNMEASURED, type Scores } from '@infernet/verification/evidence/calibration'
import { requestEvidence } from '@infernet/verification/evidence/request-evidence'
import { verdictOf } from '@infernet/verification/evidence/verdict'
import { scoresAt, type HonestClasses } from './honest.ts'
import type { ClaimedAnswer, JudgedAnswer } from './judge.ts'
import { readingOf, type Lab } from './lab.ts'
import { JUDGED_NOISE, NOISES } from './setup.ts'

/** Honest answers that a verifier sees otherwise than the calibration did. */
export interface Null {
  readonly name: string
  readonly requests: number
  readonly tokens: number
  /** Share of tokens with any excess. */
  readonly mismatchRate: number
  readonly failed: number
  readonly highestLogE: number
}

/** Answers that are scored once more in another way. */
const MOST = 200
/** Tokens at a time, where a verifier works in small pieces. */
const SMALL_BATCH = 32

/** Measures false alarms where calibration and verifier do not quite fit. */
export async function measureNulls(
  lab: Lab,
  {
    answers,
    judged,
    honest,
    step,
  }: {
    readonly answers: readonly ClaimedAnswer[]
    /** The same answers, as the verifier saw them. */
    readonly judged: readonly JudgedAnswer[]
    readonly honest: HonestClasses
    readonly step: (text: string) => void
  },
): Promise<Null[]> {
  const own = honest[0].calibration
  const weigh = (name: string, scores: readonly Scores[], calibration = own): Null => {
    const evidence = scores.map((one) => requestEvidence(one, calibration))
    const tokens = evidence.reduce((sum, one) => sum + one.tokens, 0)
    return {
      name,
      requests: scores.length,
      tokens,
      mismatchRate: evidence.reduce((sum, one) => sum + one.mismatches, 0) / tokens,
      failed: evidence.filter((one) => verdictOf(one) === 'fail').length,
      highestLogE: evidence.reduce((most, { logE }) => Math.max(most, logE), -Infinity),
    }
  }
  const some = answers.slice(0, MOST)
  const rescored = async (name: string, how: Parameters<Lab['read']>[1]): Promise<Null> => {
    step(`honest answers, ${name}`)
    const scored = await lab.read(some.map(readingOf), how)
    return weigh(
      name,
      some.map((answer, i) => lab.scoresOf(answer, scored[i] ?? [])),
    )
  }
  const alone = await lab.answer(
    some.map(({ prompt, settings }) => ({ prompt, settings, maxTokens: lab.maxTokens })),
    { slots: 1 },
  )
  return [
    ...NOISES.map((noise) =>
      weigh(`noise ${noise}, calibrated at it`, scoresAt(judged, noise), honest[noise].calibration),
    ),
    weigh(
      `noise 0.06, calibrated at ${JUDGED_NOISE}`,
      scoresAt(judged, 0.06),
      honest[JUDGED_NOISE].calibration,
    ),
    ...NOISES.map((noise) =>
      weigh(`noise ${noise}, nobody has calibrated`, scoresAt(judged, noise), UNMEASURED),
    ),
    await rescored('scored token by token', { manner: 'stepwise', slots: 1 }),
    await rescored('scored in small batches', { slots: 1, batchSize: SMALL_BATCH }),
    weigh('generated without load', scoresAt(await lab.judge(alone), 0)),
  ]
}
