import { newAccountId } from '@infernet/schemas/ids'
import type { JobOrder } from '../../ports.ts'
import { holdOf } from '../../testing/holds.ts'
import { orderOf } from '../../testing/job-orders.ts'
import type { WorkerEnv } from './env.ts'

/** An order whose cost is held, so that settling it succeeds at once. */
export async function heldOrder(env: WorkerEnv): Promise<JobOrder> {
  const accountId = newAccountId(Date.now())
  const account = env.ACCOUNT.get(env.ACCOUNT.idFromName(accountId))
  await account.deposit(accountId, 'start', 1_000)
  const order = orderOf({ accountId })
  const expiresAt = Date.now() + 60_000
  await account.reserve(holdOf(accountId, { job: order.job, amountMsat: 100, expiresAt }))
  return order
}
