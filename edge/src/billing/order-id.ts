import { createHash, randomUUID } from 'node:crypto'
import type { AccountId, JobId } from '@infernet/schemas/ids'

/**
 * The id of an order of money. With an idempotency key it follows from that and the account, so that
 * the same key is the same row, however often and wherever it comes in.
 */
export function orderId(
  prefix: 'top' | 'wd',
  accountId: AccountId,
  key: string | undefined,
): string {
  return key === undefined ? newOrderId(prefix) : `${prefix}_${digestOf(prefix, accountId, key)}`
}

/** The same for a job of a fixed price. */
export const keyedJobId = (accountId: AccountId, key: string): JobId =>
  `job_${digestOf('job', accountId, key)}` as JobId

const digestOf = (prefix: string, accountId: AccountId, key: string): string =>
  createHash('sha256').update(`${prefix}\n${accountId}\n${key}`).digest('hex').slice(0, 32)

/** An id that no other order has. */
export const newOrderId = (prefix: 'top' | 'wd'): string =>
  `${prefix}_${randomUUID().replaceAll('-', '')}`

/** Of a top-up or a withdrawal; other texts are looked up nowhere. */
export const isOrderId = (prefix: 'top' | 'wd', text: string): boolean =>
  new RegExp(`^${prefix}_[0-9a-f]{32}$`).test(text)
