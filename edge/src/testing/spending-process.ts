import { appendFileSync } from 'node:fs'
import { newJobId, type AccountId, type ApiKeyId } from '@infernet/schemas/ids'
import { NodeAccounts } from '../hosts/node/node-accounts.ts'
import { NodeSql } from '../hosts/node/node-sql.ts'
import { recordOf } from './job-records.ts'
import { onceOf, storedAnswer } from './once-requests.ts'
import { limitsOf } from './spend-limits.ts'

/**
 * A process that spends an account's credit until it is killed: `node spending-process.ts DATABASE
 * POSTED ACCOUNT`. Its requests have idempotency keys, always the same ones in the same order. Every
 * answer that was kept is a line `KEY JOB COST .` on stdout, its body being the job; POSTED is its
 * Postgres, one batch per line.
 */
const [database = '', posted = '', account = ''] = process.argv.slice(2)
const accountId = account as AccountId
const apiKeyId = 'key' as ApiKeyId
/** More than it spends, so that every hold is counted and none is refused. */
const limits = limitsOf({ budgetMsatPerDay: 1e12 }, { budgetMsatPerDay: 1e12 })
/** Always the same day. */
const now = (): number => Date.UTC(2026, 0, 1) + Math.floor(performance.now())

const accounts = new NodeAccounts({
  sql: new NodeSql(database),
  store: {
    writeLedgerEvents: async (batch) => {
      appendFileSync(posted, `${JSON.stringify(batch)}\n`)
    },
  },
  now,
  onFlushError: (error) => {
    throw error
  },
})

async function spend(key: string, costMsat: number): Promise<void> {
  const request = onceOf(accountId, { key, fingerprint: key, job: newJobId(now()), now: now() })
  const { state } = await accounts.beginOnce(request)
  if (state === 'done') return
  if (state !== 'new') throw new Error(`a request of this process is ${state}`)
  const job = newJobId(now())
  const expiresAt = now() + 60_000
  const hold = { accountId, apiKeyId, job, amountMsat: 50, tokens: 1, expiresAt, limits }
  await accounts.reserve({ ...hold, once: request.job })
  // The answer may be kept before the job is settled, or after it.
  const settled = accounts.settle(recordOf(job, accountId, { costMsat, requestId: key }))
  if (costMsat % 2 === 0) await settled
  await accounts.finishOnce({ accountId, key, job: request.job, answer: storedAnswer(job) })
  await settled
  process.stdout.write(`${key} ${job} ${costMsat} .\n`)
  if (costMsat % 9 === 0) await accounts.flush()
}

async function run(lane: number): Promise<void> {
  for (let n = 0; ; n++) await spend(`${lane}-${n}`, 1 + ((lane + n * 7) % 50))
}

await Promise.all(Array.from({ length: 8 }, (_, lane) => run(lane)))
