import { jsonContent, type ComponentName } from './components.ts'
import { ALWAYS, headerRefs } from './headers.ts'
import { LOOK_ERRORS, type Operation } from './operation.ts'

const ORDER_ERRORS = [...LOOK_ERRORS, 402, 409, 413, 415, 429] as const

const ordered = (description: string, schema: ComponentName) => ({
  201: {
    description,
    headers: headerRefs([...ALWAYS, 'idempotency-replayed', 'retry-after']),
    content: jsonContent(schema),
  },
})

/** Money in and out, over Lightning. */
export const BILLING_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/billing/topups',
    id: 'createTopUp',
    tag: 'Billing',
    summary: 'Orders a Lightning invoice that buys credit.',
    parameters: ['Idempotency-Key'],
    request: { schema: 'CreateTopUp', example: { amount_sat: 1000, memo: 'Credit' } },
    others: ordered('The top-up; `invoice` is what to pay.', 'TopUp'),
    errors: ORDER_ERRORS,
  },
  {
    method: 'get',
    path: '/v1/billing/topups',
    id: 'listTopUps',
    tag: 'Billing',
    summary: 'The latest top-ups of the account.',
    parameters: ['limit'],
    answer: { description: 'The latest first.', json: 'TopUpList' },
    errors: LOOK_ERRORS,
  },
  {
    method: 'get',
    path: '/v1/billing/topups/{topup}',
    id: 'getTopUp',
    tag: 'Billing',
    summary: 'One top-up. With `Accept: text/event-stream`, its events.',
    parameters: ['topup'],
    answer: { description: 'The top-up.', json: 'TopUp', events: 'TopUp' },
    errors: [...LOOK_ERRORS, 404, 429],
  },
  {
    method: 'get',
    path: '/v1/billing/topups/{topup}/events',
    id: 'watchTopUp',
    tag: 'Billing',
    summary:
      'The top-up now and whenever its status changes, until it is over, for 10 minutes at most.',
    parameters: ['topup'],
    answer: { description: 'Events.', events: 'TopUp' },
    errors: [...LOOK_ERRORS, 404, 429],
  },
  {
    method: 'get',
    path: '/v1/billing/topups/{topup}/qr',
    id: 'getTopUpQr',
    tag: 'Billing',
    summary: 'The invoice of a top-up as a QR code, for wallets to scan while it can be paid.',
    parameters: ['topup'],
    others: {
      200: {
        description: 'An SVG.',
        headers: headerRefs(ALWAYS),
        content: { 'image/svg+xml': { schema: { type: 'string' } } },
      },
    },
    errors: [...LOOK_ERRORS, 404, 409],
  },
  {
    method: 'post',
    path: '/v1/billing/withdrawals',
    id: 'createWithdrawal',
    tag: 'Billing',
    summary: 'Orders a payment of credit to an invoice or a Lightning address.',
    parameters: ['Idempotency-Key'],
    request: {
      schema: 'CreateWithdrawal',
      example: { amount_sat: 500, lightning_address: 'ada@example.com' },
    },
    others: ordered('The withdrawal; ask for it again to see what becomes of it.', 'Withdrawal'),
    errors: [...ORDER_ERRORS, 403],
  },
  {
    method: 'get',
    path: '/v1/billing/withdrawals',
    id: 'listWithdrawals',
    tag: 'Billing',
    summary: 'The latest withdrawals of the account.',
    parameters: ['limit'],
    answer: { description: 'The latest first.', json: 'WithdrawalList' },
    errors: LOOK_ERRORS,
  },
  {
    method: 'get',
    path: '/v1/billing/withdrawals/{withdrawal}',
    id: 'getWithdrawal',
    tag: 'Billing',
    summary: 'One withdrawal.',
    parameters: ['withdrawal'],
    answer: { description: 'The withdrawal.', json: 'Withdrawal' },
    errors: [...LOOK_ERRORS, 404],
  },
]
