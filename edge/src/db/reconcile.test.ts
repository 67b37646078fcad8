import { sql } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { connectDatabase, type DbConnection } from '@infernet/settlement/db/connect'
import { askRows } from '@infernet/settlement/db/database'
import { liveAccount } from '@infernet/settlement/ledger/live-account'
import { runReconcile, type OpenSides } from '@infernet/settlement/settler/reconcile-command'
import type { AccountId } from '@infernet/schemas/ids'
import { startDatabaseServer, type DatabaseServer } from '../hosts/node/database-server.ts'
import { ReconciledWorld, SIM_FEE_MSAT } from '../testing/reconciled-world.ts'

const reportSchema = z.object({
  sound: z.boolean(),
  checked: z.record(z.string(), z.number().nullable()),
  findings: z.array(
    z.object({
      level: z.string(),
      kind: z.string(),
      account: z.string(),
      reference: z.string(),
      expected_msat: z.string(),
      actual_msat: z.string(),
    }),
  ),
  posted: z.array(z.object({ key: z.string(), amount_msat: z.string() })),
  not_posted: z.array(z.object({ key: z.string(), amount_msat: z.string(), reason: z.string() })),
})

let server: DatabaseServer
let connection: DbConnection
let world: ReconciledWorld
beforeAll(async () => {
  server = await startDatabaseServer({ port: 0 })
  connection = connectDatabase(server.url)
})
afterAll(async () => {
  await connection.close()
  await server.close()
})
beforeEach(async () => {
  world = await ReconciledWorld.start(connection)
})
afterEach(() => world.close())

interface Changes {
  readonly dryRun?: boolean
  readonly postLimitMsat?: bigint
  readonly openingBalanceMsat?: bigint
  readonly json?: boolean
  readonly now?: () => number
  /** Between two looks. */
  readonly meanwhile?: () => Promise<void>
}

async function run({ now = Date.now, meanwhile, ...changes }: Changes = {}) {
  const written: string[] = []
  const failed: string[] = []
  const sides: OpenSides = {
    db: world.db,
    node: world.node,
    live: {
      balanceOf: async (id) => {
        const account = id as AccountId
        await world.live.flush()
        const { availableMsat, reservedMsat } = await world.live.balance(account)
        return BigInt(availableMsat + reservedMsat)
      },
    },
    close: async () => {},
  }
  const code = await runReconcile(
    {
      databaseUrl: '',
      lnd: '',
      lndCert: '',
      macaroons: '',
      toleranceMsat: 0n,
      postLimitMsat: changes.postLimitMsat ?? 10n ** 9n,
      json: true,
      ...changes,
    },
    {
      open: async () => sides,
      write: (text) => written.push(text),
      fail: (text) => failed.push(text),
      exit: () => {},
      now,
      sleep: async () => await meanwhile?.(),
    },
  )
  const text = written.join('\n')
  return { code, failed, text, report: changes.json === false ? undefined : parse(text) }
}

const parse = (text: string) => reportSchema.parse(JSON.parse(text))

/** What was found, without what the channels have beside the journal. */
async function found(changes: Changes = {}) {
  const { code, report } = await run(changes)
  const findings = report?.findings.filter(({ kind }) => kind !== 'channel_position') ?? []
  const { posted = [], not_posted: left = [] } = report ?? {}
  return {
    code,
    findings,
    posted: posted.map(({ key }) => key),
    left: left.map(({ key, reason }) => [key, reason]),
    kinds: findings.map(({ kind }) => kind),
  }
}

/** What is in suspense for an invoice, or for a payment: account and msat. */
const suspenseEntries = (hash: string) =>
  askRows(
    world.db,
    sql`
    select account.code, entry.amount_msat from journal as event
    join entries as entry on entry.journal_id = event.id
    join ledger_accounts as account on account.id = entry.account_id
    where event.key in (${`sus:inv:${hash}`}, ${`sus:pay:${hash}`}) and account.code = 'suspense'`,
  )

/** When what was settled just now is late no more. */
const later = () => Date.now() + 3_600_000

describe('reconciliation', () => {
  it('finds nothing where everything agrees', async () => {
    const { account } = await world.toppedUp(900_000n)
    await world.toppedUp(5_000n)
    const { provider, netMsat } = await world.earned(account, 200_000)
    await world.paidOut(provider, netMsat)
    const { code, report } = await run()
    expect(report?.checked).toEqual({ invoices: 2, payments: 1, lines: 3, accounts: 2 })
    expect(report?.findings.map(({ kind }) => kind)).toEqual(['channel_position'])
    expect(code).toBe(0)
  })

  it('exits with 0, and says in words what it compared', async () => {
    await world.toppedUp(900_000n)
    const { code, text } = await run({ json: false })
    expect(code).toBe(0)
    expect(text).toContain('SIMULATED')
    expect(text).toContain('1 settled invoices, 0 payments, 1 postings, 1 accounts')
    expect(text).toMatch(/sound$/)
  })

  it('exits with 2 when a side cannot be asked', async () => {
    await world.toppedUp(900_000n)
    world.node.close()
    const { code, failed } = await run({ json: false })
    expect(code).toBe(2)
    expect(failed).toEqual([expect.stringContaining('not reconciled')])
  })

  it('takes an invoice that was just settled for late, and waits for who credits it', async () => {
    const { account } = await world.toppedUp(10n)
    const hash = await world.paid(7_000n)
    await world.order(account, hash, 7_000n)
    expect(await found()).toMatchObject({ code: 0, kinds: ['invoice_late'] })
    const finding = { kind: 'invoice_uncredited', account: `client:${account}` }
    expect(await found({ now: later })).toMatchObject({
      code: 1,
      findings: [{ ...finding, reference: `inv:${hash}`, actual_msat: '7000' }],
      posted: [],
    })
    const meanwhile = () => world.credit(account, hash, 7_000n)
    expect(await found({ now: later, meanwhile })).toMatchObject({ code: 0, kinds: [] })
  })

  it('moves what nobody ordered to suspense, once, and fails by that', async () => {
    const invoice = await world.paid(7_000n)
    const payment = await world.sent(2_000n)
    const keys = [`sus:inv:${invoice}`, `sus:pay:${payment}`]
    const kinds = ['invoice_unknown', 'payment_unknown']
    expect(await found({ dryRun: true })).toMatchObject({
      code: 1,
      kinds,
      posted: [],
      left: keys.map((key) => [key, 'dry run']),
    })
    expect(await found({ postLimitMsat: 9_999n })).toMatchObject({
      code: 1,
      kinds,
      posted: [],
      left: keys.map((key) => [key, expect.stringContaining('10000 msat are too much')]),
    })
    expect(await found()).toMatchObject({ code: 1, kinds, posted: keys, left: [] })
    const after = await found()
    expect(after).toMatchObject({ code: 0, kinds: ['in_suspense'], posted: [], left: [] })
    expect(after.findings[0]).toMatchObject({ actual_msat: String(7_000n - 3_000n) })
    expect(await suspenseEntries(invoice)).toEqual([['suspense', '7000']])
  })

  it('says in words what went to suspense', async () => {
    const invoice = await world.paid(7_000n)
    const line = `posted to suspense: sus:inv:${invoice}, 7000 msat`
    const dry = await run({ json: false, dryRun: true })
    expect(dry.text).toContain(`\nnot ${line}: dry run\n`)
    expect((await run({ json: false })).text).toContain(`\n${line}\n`)
  })

  it('posts once when two run at the same time', async () => {
    const invoice = await world.paid(7_000n)
    const both = await Promise.all([found(), found()])
    expect(both.map(({ code }) => code)).toEqual([1, 1])
    expect(both.flatMap(({ posted }) => posted)).toEqual([`sus:inv:${invoice}`])
    expect(both.flatMap(({ left }) => left)).toEqual([
      [`sus:inv:${invoice}`, 'it was in suspense before'],
    ])
    expect(await suspenseEntries(invoice)).toHaveLength(1)
  })

  it('leaves to a person what is off again after it went to suspense', async () => {
    const { account } = await world.toppedUp(10n)
    const invoice = await world.paid(7_000n)
    await found()
    // Somebody's order comes back from a backup, and is credited as well.
    await world.order(account, invoice, 7_000n)
    await world.credit(account, invoice, 7_000n)
    const again = await found()
    expect(again).toMatchObject({ code: 1, kinds: ['in_suspense', 'invoice_amount'], posted: [] })
    expect(again.left).toEqual([
      [`sus:inv:${invoice}`, 'it was in suspense before, with another amount'],
    ])
    expect(await suspenseEntries(invoice)).toEqual([['suspense', '7000']])
  })

  it('does not take the word of another node, or of an older one, for what is lacking', async () => {
    const { account } = await world.toppedUp(900_000n)
    const keysend = await world.paid(7_000n)
    const invented = 'ab'.repeat(32)
    await world.order(account, invented, 500n)
    await world.credit(account, invented, 500n)
    await world.run(sql`insert into settle_indexes values ('02aa', 7)`)
    expect(await found()).toMatchObject({
      code: 1,
      posted: [`sus:inv:${keysend}`],
      left: [[`sus:inv:${invented}`, expect.stringContaining('not the only one')]],
    })
    await world.run(sql`update settle_indexes set node_pubkey = ${world.pubkey}`)
    expect(await found()).toMatchObject({
      code: 1,
      kinds: ['in_suspense', 'settle_index_behind', 'credit_unpaid'],
      posted: [],
      left: [[`sus:inv:${invented}`, expect.stringContaining('older')]],
    })
    await world.run(sql`delete from settle_indexes`)
    expect(await found()).toMatchObject({ code: 1, posted: [`sus:inv:${invented}`], left: [] })
    expect(await found()).toMatchObject({ code: 0, kinds: ['in_suspense'] })
  })

  it('never moves a payout that no record proves: the node may have deleted it', async () => {
    const { account } = await world.toppedUp(900_000n)
    const { provider } = await world.earned(account, 200_000)
    const hash = await world.paidOut(provider, 7_000n, { hash: 'cd'.repeat(32) })
    const unpaid = (reference: string) => ({
      code: 1,
      findings: [{ kind: 'payout_unpaid', account: provider, reference }],
      posted: [],
      left: [],
    })
    expect(await found()).toMatchObject(unpaid(`pay:${hash}`))
    await world.run(sql`delete from payout_attempts`)
    expect(await found()).toMatchObject(unpaid(`po:p_${hash}`))
  })

  it('never moves what somebody else is going to book, nor a live balance', async () => {
    const { account } = await world.toppedUp(900_000n)
    const { provider } = await world.earned(account, 200_000)
    const hash = await world.paid(7_000n)
    await world.order(account, hash, 7_000n)
    await world.paidOut(provider, 5_000n, { open: true })
    await world.run(sql`
      insert into account_transfers (reference, account_id, amount_msat, state)
      values ('wd:taken', ${account}, -50, 'done')`)
    await world.run(sql`update ledger_accounts set balance = balance + 1 where code = ${provider}`)
    await world.run(sql`
      update entries set amount_msat = amount_msat + 1
      where account_id = (select id from ledger_accounts where code = 'revenue:fee')`)
    const { kinds, posted, left } = await found({ now: later, openingBalanceMsat: 1n })
    expect(new Set(kinds)).toEqual(
      new Set([
        'journal_unbalanced',
        'balance_drift',
        'invoice_uncredited',
        'payment_unbooked',
        'channel_balance',
        'live_balance',
      ]),
    )
    expect([posted, left]).toEqual([[], []])
  })

  it('finds credit that the node was never paid, and other amounts', async () => {
    const { account, hash } = await world.toppedUp(7_000n)
    const invented = 'ab'.repeat(32)
    await world.order(account, invented, 500n)
    await world.credit(account, invented, 500n)
    expect(await found({ dryRun: true })).toMatchObject({
      code: 1,
      findings: [
        {
          kind: 'credit_unpaid',
          account: `client:${account}`,
          reference: `inv:${invented}`,
          expected_msat: '500',
          actual_msat: '0',
        },
      ],
    })
    await world.run(sql`
      update entries set amount_msat = amount_msat * 2
      where journal_id = (select id from journal where key = ${`inv:${hash}`})`)
    await world.run(sql`update ledger_accounts set balance = balance + 7000 where tracked`)
    const { kinds } = await found({ dryRun: true })
    expect(kinds).toEqual(['invoice_amount', 'credit_unpaid', 'live_balance'])
  })

  it.each([
    ['payment_fee', { feeMsat: 0n }],
    ['payout_unpaid', { hash: 'cd'.repeat(32) }],
    ['payment_unbooked', { open: true }],
  ] as const)('finds %s', async (kind, changes) => {
    const { account } = await world.toppedUp(900_000n)
    const { provider } = await world.earned(account, 200_000)
    const hash = await world.paidOut(provider, 7_000n, changes)
    expect(await found()).toMatchObject({
      code: 1,
      findings: [{ kind, account: provider, reference: `pay:${hash}` }],
    })
  })

  it('finds a payout that was paid twice, and one that is stuck', async () => {
    const { account } = await world.toppedUp(900_000n)
    const { provider } = await world.earned(account, 200_000)
    const first = await world.sent(7_000n)
    const hash = await world.paidOut(provider, 7_000n)
    await world.run(sql`
      insert into payout_attempts (payout_id, number, payment_hash, target, state)
      values (${`p_${hash}`}, 2, ${first}, '{}', 'failed')`)
    const stuck = await world.paidOut(provider, 100n, { hash: 'ef'.repeat(32), open: true })
    await world.run(sql`
      update payout_attempts set created_at = now() - interval '11 minutes' where payment_hash = ${stuck}`)
    expect(await found()).toMatchObject({
      findings: [
        { kind: 'attempt_stuck', reference: `pay:${stuck}`, actual_msat: '100' },
        {
          kind: 'paid_twice',
          reference: `pay:${first}`,
          actual_msat: String(-7_000n - SIM_FEE_MSAT),
        },
      ],
    })
  })

  it('finds books that do not add up', async () => {
    const { account } = await world.toppedUp(7_000n)
    await world.run(sql`update entries set amount_msat = amount_msat + 1 where amount_msat > 0`)
    expect(await found()).toMatchObject({ kinds: ['journal_unbalanced', 'balance_drift'] })
    await world.run(sql`update ledger_accounts set balance = balance + 1 where tracked`)
    const { findings } = await found()
    expect(findings).toMatchObject([
      { kind: 'journal_unbalanced' },
      { kind: 'at_a_loss', expected_msat: '7001', actual_msat: '7000' },
      { kind: 'live_balance', account: `client:${account}` },
    ])
  })

  it('knows what a live balance is still to be told, and what it has been asked for', async () => {
    const { account } = await world.toppedUp(7_000n)
    const transfer = (reference: string, amount: number, state: string) =>
      world.run(sql`
        insert into account_transfers (reference, account_id, amount_msat, state)
        values (${reference}, ${account}, ${amount}, ${state})`)
    const kindsOf = async () => (await found()).kinds
    await world.live.deposit(account, 'bonus', 5)
    await transfer('wd:asked', -100, 'pending')
    expect(await kindsOf()).toEqual([])
    // Posted, and the live balance has not heard of it.
    const hash = await world.paid(3_000n)
    await world.order(account, hash, 3_000n)
    await world.run(sql`
      select post(${`inv:${hash}`}, 'topup', now(), array['asset:ln', ${`client:${account}`}], array[-3000, 3000])`)
    expect(await kindsOf()).toEqual(['live_balance'])
    await transfer(`inv:${hash}`, 3_000, 'pending')
    expect(await kindsOf()).toEqual([])
    await transfer('wd:taken', -50, 'done')
    expect(await kindsOf()).toEqual(['live_balance'])
    expect(liveAccount(`client:${account}`)).toBe(account)
  })

  it('compares the channels from an opening balance, and knows a node that went back', async () => {
    await world.toppedUp(7_000n)
    const { localMsat } = await world.node.balance()
    const opening = localMsat - 7_000n
    expect(await found({ openingBalanceMsat: opening })).toMatchObject({ code: 0, kinds: [] })
    expect(await found({ openingBalanceMsat: opening + 1n })).toMatchObject({
      code: 1,
      kinds: ['channel_balance'],
    })
    await world.run(sql`insert into settle_indexes values (${world.pubkey}, 1), ('02aa', 7)`)
    expect(await found()).toMatchObject({ code: 0, kinds: ['other_node'] })
    await world.run(sql`update settle_indexes set settle_index = 2`)
    const { kinds, code } = await found()
    expect(kinds.toSorted()).toEqual(['other_node', 'settle_index_behind'])
    expect(code).toBe(1)
  })
})
