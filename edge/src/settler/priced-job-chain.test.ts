import {
  newJobId,
  newRequestId,
  type AccountId,
  type ApiKeyId,
  type JobId,
} from '@infernet/schemas/ids'
import { HOLDBACK_POLICY } from '@infernet/verification/reputation/holdback'
import { openDatabase } from '@infernet/settlement/db/database'
import { connectHttpDb } from '@infernet/settlement/db/http-db'
import { PgEscrowStore } from '@infernet/settlement/escrow/pg-escrow-store'
import type { AccountCode } from '@infernet/settlement/ledger/account-code'
import type { PaymentOutcome } from '@infernet/settlement/lightning/lightning-backend'
import { pgSettlerRows, type SettlerRows } from '@infernet/settlement/settler/settler-rows'
import { SettlerRig } from '@infernet/settlement/testing/settler-rig'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { PricedJobOrder } from '../billing/priced-jobs-port.ts'
import { PricedJobRunner } from '../billing/priced-job-runner.ts'
import { balancesOf } from '../db/ledger.ts'
import { postgresPricedJobs } from '../db/priced-jobs.ts'
import { startDatabaseServer, type DatabaseServer } from '../hosts/node/database-server.ts'
import { answerJson } from '../testing/answers.ts'
import type { FakeProvider } from '../testing/fake-provider.ts'
import { startEdge, type TestEdge } from '../testing/test-edge.ts'

const PRICE = 2_000_000n
const FEE = PRICE / 100n
const REQUEST = { model: 'tiny', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 50 }
const POLL = { timeout: 20_000, interval: 20 }

/** Edge and settler with nothing between them but Postgres, and a simulated node. */
describe('a job of a fixed price, from its quote to its end', () => {
  let server: DatabaseServer
  let database: ReturnType<typeof connectHttpDb>
  let edge: TestEdge
  let provider: FakeProvider
  let rig: SettlerRig
  let runner: PricedJobRunner
  beforeAll(async () => {
    server = await startDatabaseServer({ port: 0 })
    database = connectHttpDb(server.url)
  }, 60_000)
  afterAll(async () => {
    database.close()
    await server.close()
  })
  beforeEach(async () => {
    edge = await startEdge()
    provider = await edge.provider()
    rig = await SettlerRig.start()
    runner = new PricedJobRunner({
      hub: edge.hub,
      accounts: edge.accounts,
      events: edge.events,
      now: Date.now,
      store: postgresPricedJobs(database, Date.now),
      settler: { wake: () => rig.alarm.ring() },
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      random: Math.random,
      outlast: (work) => void work,
    })
    onTestFinished(async () => {
      await runner.close()
      rig.close()
    })
  })

  const store = () => postgresPricedJobs(database, Date.now)
  const order = (): PricedJobOrder => ({
    id: newJobId(Date.now()),
    accountId: edge.account,
    apiKeyId: '0123456789abcdef' as ApiKeyId,
    requestId: newRequestId(Date.now()),
    endpoint: '/v1/chat/completions',
    model: 'tiny',
    request: JSON.stringify(REQUEST),
    metadata: {},
    priceMsat: PRICE,
    feeBps: 100,
    createdAt: Date.now(),
  })
  const job = async ({ accountId, id }: PricedJobOrder) =>
    (await store().find(accountId, id)) ?? expect.fail(`${id} is gone`)

  type Rows = Awaited<ReturnType<SettlerRows['quoted']>>
  /** What the settler sees of the quotes that it reads. */
  type Quoted = (read: () => Promise<Rows>) => Promise<Rows>

  /** Quotes a job, pays for it, and tells the story of its run; what became of the payment. */
  async function told(
    story: (quoted: PricedJobOrder) => Promise<void>,
    seen: Quoted = (read) => read(),
  ): Promise<{ quoted: PricedJobOrder; payment: PaymentOutcome }> {
    const quoted = order()
    let payment: PaymentOutcome | undefined
    const db = openDatabase(database)
    const rows = pgSettlerRows(db, { orders: async () => [] }, HOLDBACK_POLICY)
    await rig.during(
      async () => {
        await store().quote(quoted, { ofAccount: 20, ofAll: 100, since: Date.now() - 60_000 })
        rig.work({
          quoted: (limit) => seen(() => rows.quoted(limit)),
          paid: rows.paid,
          decided: rows.decided,
        })
        await expect.poll(async () => (await job(quoted)).escrow?.bolt11, POLL).toBeDefined()
        const { escrow } = await job(quoted)
        const paying = rig.other.pay({
          to: { kind: 'bolt11', bolt11: escrow?.bolt11 ?? '' },
          feeLimitMsat: 100_000n,
          timeoutSeconds: 30,
          cltvLimit: 1008,
          maxParts: 1,
        })
        await story(quoted)
        payment = await paying
        await expect
          .poll(async () => (await job(quoted)).escrow?.state, POLL)
          .toMatch(/settled|cancelled/)
      },
      {
        escrows: new PgEscrowStore({ db }),
        edge: {
          ask: async (ask) => {
            if (ask.kind === 'jobs') await runner.run(ask.jobs)
            return { bolt11: undefined }
          },
        },
      },
    )
    return { quoted, payment: payment ?? expect.fail('nobody paid') }
  }
  const balance = async (code: AccountCode) =>
    (await balancesOf(openDatabase(database), [code])).get(code) ?? 0n

  it('is paid when its answer is there, the provider at once', async () => {
    const { quoted, payment } = await told(async () => answerJson(await provider.jobs.next()))
    expect(payment).toMatchObject({ status: 'succeeded' })
    expect(await job(quoted)).toMatchObject({ state: 'completed', escrow: { state: 'settled' } })
    expect(await balance(`provider:${provider.peer}`)).toBe(PRICE - FEE)
    expect(await balance(`provider_pending:${provider.peer}`)).toBe(0n)
  })

  it('is given back when its provider fails', async () => {
    const { quoted, payment } = await told(async () => {
      ;(await provider.jobs.next()).begin().error()
    })
    expect(payment).toMatchObject({ status: 'failed' })
    expect(await job(quoted)).toMatchObject({
      state: 'failed',
      escrow: { state: 'cancelled', cancelReason: 'bad_verdict' },
    })
    expect(await balance(`provider:${provider.peer}`)).toBe(0n)
    expect(await balance(`escrow:${quoted.id}`)).toBe(0n)
  })

  it('is given back when its client withdraws it while it runs', async () => {
    const { quoted, payment } = await told(async ({ accountId, id }) => {
      const running = await provider.jobs.next()
      const { run } = (await store().withdraw(accountId, id)) ?? expect.fail('not withdrawn')
      await edge.hub.cancel(run ?? expect.fail('nothing runs'), 'withdrawn')
      answerJson(running)
      rig.alarm.ring()
    })
    expect(payment).toMatchObject({ status: 'failed' })
    expect(await job(quoted)).toMatchObject({
      state: 'withdrawn',
      result: undefined,
      escrow: { state: 'cancelled', cancelReason: 'withdrawn' },
    })
  })

  it('is given back when it was withdrawn just before its invoice was made', async () => {
    const late: Quoted = async (read) => {
      const rows = await read()
      for (const { id, accountId } of rows)
        await store().withdraw(accountId as AccountId, id as JobId)
      return rows
    }
    const { quoted, payment } = await told(async () => {}, late)
    expect(payment).toMatchObject({ status: 'failed' })
    expect(await job(quoted)).toMatchObject({
      state: 'withdrawn',
      escrow: { state: 'cancelled', cancelReason: 'withdrawn' },
    })
  })
})
