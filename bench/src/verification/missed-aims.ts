import type { Findings } from './experiment.ts'
import { isWithinAim, type Threshold } from './honest.ts'
import { NOISES } from './setup.ts'
import { percent } from './table.ts'

/** Honest rates that are not what their thresholds aim at, and why that can be: nothing is hidden in a table. */
export function missedAims({ honest }: Pick<Findings, 'honest'>): string {
  const missed = NOISES.flatMap((noise) =>
    honest[noise].thresholds
      .filter((threshold) => !isWithinAim(threshold))
      .map((threshold) => ({ noise, threshold })),
  )
  if (missed.length === 0) return 'Every held-out rate is within its aim, or its interval is.'
  const rows = missed.map(
    ({ noise, threshold }) =>
      `- Noise ${noise}: ${percent(threshold.heldOutRate)}, where ${percent(threshold.rate)} is aimed at. ` +
      REASONS[`${threshold.isLearnt}`],
  )
  return [
    '**Not within its aim:**',
    '',
    ...rows,
    '',
    'Found at such a rate is too much by as much. No verdict hangs on these thresholds: an answer fails by an e of 10^4.',
  ].join('\n')
}

const REASONS: Record<`${Threshold['isLearnt']}`, string> = {
  true:
    'The threshold holds, in 19 of 20 cases, for requests that are drawn as those were that it was learnt from; these ' +
    'go on from other files, which the model knows better or less well, and several from each file.',
  false:
    'An e-value promises it only where the calibration fits: these requests are noisier than those it was made of.',
}
