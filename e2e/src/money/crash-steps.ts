import { OUTBOX_EMPTIED } from '@infernet/edge/crash-points'

/** What a client does, with all that follows from it in edge and settler. */
export type Flow =
  | 'topup'
  | 'request'
  | 'verified'
  | 'withdrawal'
  | 'refused'
  | 'escrow'
  | 'unanswerable'
  | 'withdrawn'

/** The edge's three points of one operation. */
const around = (operation: string): string[] =>
  ['before', 'during', 'after'].map((stage) => `${operation}:${stage}`)

const TRANSFER = [
  'transfer:asking',
  ...around('live-transfer'),
  ...around('transfer-outcome'),
  'transfer:asked',
]
const SENDING = ['opening', 'opened', 'recording', 'recorded', 'paying', 'paid']
const PAYING = [...SENDING, 'succeeding', 'succeeded']
const PAYOUT = ['payout:starting', 'asking', ...around('agent-invoice'), 'asked', ...PAYING]
const RELEASE = ['release:before', 'release:after']
const DECIDING = ['escrow:deciding', 'escrow:decided']
const OPENING = [...around('job-quote'), 'escrow:opening', 'escrow:opened']
const RUNNING = ['job:asking', ...around('job-claim'), 'job:asked', ...around('run')]

/** The named points that each flow passes, in order; `docs/payments.md` says what they are. */
export const STEPS: Readonly<Record<Flow, readonly string[]>> = {
  topup: [
    ...around('topup-order'),
    'order:issuing',
    'order:issued',
    'credit:before',
    'credit:after',
    ...TRANSFER,
  ],
  request: [
    ...around('once-begin'),
    ...around('hold'),
    ...around('run'),
    ...around('capture'),
    ...around('once-end'),
    ...around('outbox'),
    OUTBOX_EMPTIED,
    ...around('receipts'),
    ...RELEASE,
    ...PAYOUT,
  ],
  verified: [...around('capture'), ...around('receipts'), ...around('verdict'), ...RELEASE],
  withdrawal: [...around('withdrawal-order'), ...TRANSFER, 'withdrawal:starting', ...PAYING],
  refused: [
    'withdrawal:starting',
    ...SENDING,
    'failing',
    'attempt_failed',
    'giving_up',
    'given_up',
    ...around('live-transfer'),
  ],
  escrow: [...OPENING, ...RUNNING, ...around('job-answer'), ...DECIDING, ...PAYOUT],
  unanswerable: [...RUNNING, ...around('job-failure'), ...DECIDING],
  withdrawn: [...OPENING, ...around('job-withdrawal'), ...DECIDING],
}
