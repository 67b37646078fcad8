import type { Judgement } from '@infernet/verification/verdict/judge'

/** The layer that a verdict comes from: what was said, what was drawn, or what a verifier computes. */
export function layerOf({ report }: Pick<Judgement, 'report'>): 0 | 1 | 2 {
  const isContradictory = report.findings.some(({ severity }) => severity === 'fail')
  // Of what was never opened nothing was drawn again.
  if (isContradictory || report.replay === null) return 0
  return report.rescored === null ? 1 : 2
}
