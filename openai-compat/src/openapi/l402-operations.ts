import { LOOK_ERRORS, type Operation } from './operation.ts'

/** Bundles of clients without an account. */
export const L402_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/l402',
    id: 'getBundle',
    tag: 'Billing',
    summary: 'What is left of the bundle that this L402 credential is for.',
    answer: { description: 'The bundle.', json: 'Bundle' },
    errors: LOOK_ERRORS,
  },
  {
    method: 'post',
    path: '/v1/l402/close',
    id: 'closeBundle',
    tag: 'Billing',
    summary: 'Has what is left of a bundle paid out, to an invoice or a Lightning address.',
    request: { schema: 'CloseBundle', example: { lightning_address: 'ada@example.com' } },
    answer: { description: 'The withdrawal; the same one when asked again.', json: 'Withdrawal' },
    errors: [...LOOK_ERRORS, 403, 409, 413, 415],
  },
  {
    method: 'get',
    path: '/v1/l402/close/{withdrawal}',
    id: 'getClosing',
    tag: 'Billing',
    summary: 'What has become of it.',
    parameters: ['withdrawal'],
    answer: { description: 'The withdrawal.', json: 'Withdrawal' },
    errors: [...LOOK_ERRORS, 404],
  },
]
