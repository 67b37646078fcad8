import type { AccountId } from '@infernet/schemas/ids'
import type { AccountPort } from '../../ports.ts'
import { ACCOUNT_POINTS, crashable } from '../../crash-points.ts'
import { atOf, type WorkerEnv } from './env.ts'

/** Live balances, each in an object of its own. */
export function objectAccounts(env: WorkerEnv): AccountPort {
  const accountOf = (id: AccountId) => env.ACCOUNT.get(env.ACCOUNT.idFromName(id))
  const accounts: AccountPort = {
    reserve: (request) => accountOf(request.accountId).reserve(request),
    settle: async (record) => {
      await accountOf(record.accountId as AccountId).settle(record)
    },
    deposit: (id, reference, amount) => accountOf(id).deposit(id, reference, amount),
    transfer: (id, reference, amount) => accountOf(id).transfer(id, reference, amount),
    balance: (id) => accountOf(id).balance(id),
    keyUsage: (id, key, limits) => accountOf(id).keyUsage(id, key, limits),
    beginOnce: (request) => accountOf(request.accountId).beginOnce(request),
    finishOnce: (end) => accountOf(end.accountId).finishOnce(end),
    awaitOnce: (id, key, deadline) => accountOf(id).awaitOnce(id, key, deadline),
    flush: (id) => accountOf(id).flush(),
  }
  return crashable(accounts, ACCOUNT_POINTS, atOf(env))
}
