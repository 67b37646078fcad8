import type { Calibration, Scores } from '@infernet/verification/evidence/calibration'
import { requestEvidence } from '@infernet/verification/evidence/request-evidence'
import { verdictOf, type Verdict } from '@infernet/verification/evidence/verdict'
import { quantile } from '@infernet/verification/statistics/quantile'

/** What samples show, in figures for people; `null` where no token says anything. */
export interface Summary {
  readonly requests: number
  readonly tokens: number
  /** Share of tokens, of those that can be drawn again, that were drawn otherwise. */
  readonly mismatch_rate: number | null
  /** Nats between claimed and scored logprobs; of the tokens that had more than one candidate. */
  readonly lp_difference: { readonly median: number; readonly p99: number } | null
  /** How these very answers would be judged. */
  readonly verdicts: Readonly<Record<Verdict, number>>
}

export function summaryOf(samples: readonly Scores[], calibration: Calibration): Summary {
  const excess = conclusive(samples.map((sample) => sample.excess))
  const apart = conclusive(samples.map((sample) => sample.lpDifference)).sort((a, b) => a - b)
  const verdicts = { pass: 0, fail: 0, inconclusive: 0 }
  for (const sample of samples) verdicts[verdictOf(requestEvidence(sample, calibration))]++
  return {
    requests: calibration.requests,
    tokens: calibration.tokens,
    mismatch_rate:
      excess.length === 0 ? null : excess.filter((it) => it > 0).length / excess.length,
    lp_difference:
      apart.length === 0 ? null : { median: quantile(apart, 0.5), p99: quantile(apart, 0.99) },
    verdicts,
  }
}

const conclusive = (values: readonly (readonly number[])[]): number[] =>
  values.flat().filter((value) => !Number.isNaN(value))
