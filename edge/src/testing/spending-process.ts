import { appendFileSync } from 'node:fs'
import { newJobId, type AccountId } from '@infernet/schemas/ids'
import { NodeAccounts } from '../hosts/node/node-accounts.ts'
import { NodeSql } from '../hosts/node/node-sql.ts'
import { recordOf } from './job-records.ts'

/**
 * A process that spends an account's credit until it is killed: `node spending-process.ts DATABASE
 * POSTED ACCOUNT`. Every settlement that it was promised is a line `JOB COST .` on stdout; POSTED is
 * its Postgres, one event per line.
 */
const [database = '', posted = '', account = ''] = process.argv.slice(2)
const accountId = account as AccountId

const accounts = new NodeAccounts({
  sql: new NodeSql(database),
  store: {
    writeLedgerEvents: async (events) => {
      appendFileSync(posted, events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    },
  },
  now: Date.now,
  onFlushError: (error) => {
    throw error
  },
})

async function spend(lane: number): Promise<void> {
  for (let cost = lane; ; cost = (cost * 7 + 3) % 50) {
    const job = newJobId(Date.now())
    const expiresAt = Date.now() + 60_000
    await accounts.reserve({ accountId, job, amountMsat: 50, expiresAt, maxOpenHolds: 100 })
    await accounts.settle(recordOf(job, accountId, { costMsat: cost }))
    process.stdout.write(`${job} ${cost} .\n`)
    if (cost % 9 === 0) await accounts.flush()
  }
}

await Promise.all(Array.from({ length: 8 }, (_, lane) => spend(lane)))
