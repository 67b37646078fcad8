import type { Calibration } from '@infernet/verification/evidence/calibration'
import pc from 'picocolors'
import { ENOUGH_REQUESTS } from '../calibration/calibration-limits.ts'
import type { Summary } from '../calibration/summary.ts'
import { columns } from './columns.ts'

/** What a calibration came to. */
export interface CalibrationReport extends Summary {
  /** Its id. */
  readonly spec: string
  /** Undefined where samples of several machines were put together, as is the seed. */
  readonly model?: string
  /** With which the same requests can be made again. */
  readonly seed?: number
  readonly calibration: Calibration
  /** Where the calibration was written. */
  readonly file: string
}

/** For people: a table, what to be careful about, and the next command. */
export function reportText(report: CalibrationReport): string {
  const { spec, model, seed, requests, tokens, calibration, file } = report
  const rows: (readonly [string, string])[] = [
    ['spec', pc.bold(spec)],
    ...(model === undefined ? [] : [['model', model] as const]),
    ['requests', `${requests}${seed === undefined ? '' : pc.dim(` (--seed ${seed})`)}`],
    ['tokens', String(tokens)],
    ['mismatches', share(report.mismatch_rate)],
    ['lp difference', differences(report)],
    ['excess tails', tailsText(calibration.excess)],
    ['lp tails', tailsText(calibration.lpDifference)],
    ['these answers', verdictsText(report)],
    ['written to', file],
  ]
  const warnings = warningsOf(report).map((text) => `${pc.yellow('!')} ${text}`)
  return [
    columns(rows),
    '',
    ...warnings,
    '',
    'Give it to the edge:',
    `  ${nextCommand(report)}`,
  ].join('\n')
}

/** What the operator must know before judging others by it. */
export function warningsOf({
  requests,
  calibration,
  model,
  verdicts,
}: CalibrationReport): string[] {
  const { excess, lpDifference } = calibration
  return [
    ...(requests < ENOUGH_REQUESTS
      ? [
          `${requests} requests are too few to judge anybody by: noise that they do not show will ` +
            `count as cheating. Measure ${ENOUGH_REQUESTS} or more (--requests)`,
        ]
      : []),
    ...(model === undefined
      ? []
      : [
          'one machine shows the least noise there is: run this on the machines that will be met, with ' +
            '--samples-out FILE, and put them together with calibrate --from FILE FILE…',
        ]),
    ...(2 * verdicts.inconclusive > requests
      ? [
          `by it ${verdicts.inconclusive} of these ${requests} answers can be neither passed nor failed: ` +
            'too few of their places say anything',
        ]
      : []),
    ...(excess.length === 0 ? ['no token could be drawn again: tokens will not be judged'] : []),
    ...(lpDifference.length === 0
      ? ['no place had two candidates: claimed logprobs will not be judged']
      : []),
  ]
}

const nextCommand = ({ spec, file }: CalibrationReport): string =>
  `curl -X PUT $EDGE/operator/calibrations/${spec} -H "Authorization: Bearer $OPERATOR_TOKEN" --data @${file}`

const differences = ({ lp_difference }: CalibrationReport): string =>
  lp_difference === null
    ? 'unknown'
    : `median ${nats(lp_difference.median)}, 99 % up to ${nats(lp_difference.p99)} nats`

/** How often at most an honest token is beyond so many nats. */
const tailsText = (tails: Calibration['excess']): string =>
  tails.length === 0
    ? 'none'
    : tails.map(({ above, rate }) => `${share(rate)} > ${nats(above)}`).join(', ')

const verdictsText = ({ verdicts }: CalibrationReport): string =>
  `judged by it: ${verdicts.pass} pass, ${verdicts.inconclusive} inconclusive, ${verdicts.fail} fail`

const share = (rate: number | null): string =>
  rate === null ? 'unknown' : `${Number((100 * rate).toPrecision(3))} %`

const nats = (value: number): string => String(Number(value.toPrecision(3)))
