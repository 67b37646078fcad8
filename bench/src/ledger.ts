import { Pool, type PoolClient } from 'pg'
import { migrateDatabase } from '@infernet/edge/hosts/node/migrate'
import type { Verdict } from './goals.ts'
import { rotate } from './rounds.ts'
import { median } from './statistics.ts'

/** At least this much of what transactions that insert three rows come to. */
const SHARE = 0.7
const GOAL = `postings/s to the journal, at least ${SHARE} x transactions that insert three plain rows`

/** As many as a few edges and a settler have together. */
const CONNECTIONS = 16
/** Accounts that postings move: enough that writers seldom meet, few enough that they do. */
const CLIENTS = 1_000
const PROVIDERS = 50
/** What every client starts with, msat: more than any run takes. */
const CREDIT_MSAT = 1_000_000_000_000
const BATCH_SIZE = 500
const MS_PER_S = 1_000

/** How long to measure. */
export interface LedgerBudget {
  readonly rounds: number
  /** Of each kind of write in each round, ms. */
  readonly sliceMs: number
}

export const FULL_LEDGER: LedgerBudget = { rounds: 9, sliceMs: 1_000 }
export const QUICK_LEDGER: LedgerBudget = { rounds: 3, sliceMs: 500 }

/** One kind of write; medians over the rounds. */
export interface LedgerRow {
  readonly name: string
  readonly perSecond: number
  /** Median of what it is to the transactions of the same round. */
  readonly ratio: number
}

export interface LedgerFigures {
  readonly rows: readonly LedgerRow[]
  /** PostgreSQL's version and whether it waits for the disk: they decide the absolute figures. */
  readonly server: string
}

interface Write {
  readonly name: string
  /** Does it once, as the `n`th; returns how many events that was. */
  readonly run: (client: PoolClient, n: number) => Promise<number>
}

const TRANSACTION = 'begin, insert three rows, commit'
const POST = 'post()'

/**
 * Measures what a PostgreSQL (a throw-away one: it gets tables and rows) takes a second: single
 * postings of three entries, batches of them, and for comparison the same rows without a ledger's
 * rules, all on equally many connections. In each round every kind has its turn, each time in another
 * order.
 */
export async function measureLedger(
  url: string,
  budget: LedgerBudget,
  onStep: (text: string) => void,
): Promise<LedgerFigures> {
  onStep('preparing the journal')
  await migrateDatabase(url)
  const pool = new Pool({ connectionString: url, max: CONNECTIONS })
  try {
    await prepare(pool)
    const shown = await pool.query<{ server: string }>(
      `select 'PostgreSQL ' || current_setting('server_version') || ', fsync ' || current_setting('fsync') as server`,
    )
    const rates = await measureRounds(pool, budget, onStep)
    const rows = WRITES.map(({ name }) => ({
      name,
      perSecond: median(rates.map((round) => round.get(name) ?? 0)) ?? 0,
      ratio:
        median(rates.map((round) => (round.get(name) ?? 0) / (round.get(TRANSACTION) ?? 0))) ?? 0,
    }))
    return { rows, server: shown.rows[0]?.server ?? 'unknown' }
  } finally {
    await pool.end()
  }
}

async function prepare(pool: Pool): Promise<void> {
  await pool.query(
    `create table plain_entries (
       journal_id bigint not null, account_id bigint not null, amount_msat bigint not null,
       primary key (journal_id, account_id)
     )`,
  )
  await pool.query(`create index on plain_entries (account_id, journal_id)`)
  for (let n = 0; n < CLIENTS; n++) {
    const codes = ['asset:ln', `client:${n}`]
    await pool.query(POST_SQL, [`inv:${n}`, 'topup', codes, [-CREDIT_MSAT, CREDIT_MSAT]])
  }
}

async function measureRounds(
  pool: Pool,
  budget: LedgerBudget,
  onStep: (text: string) => void,
): Promise<Map<string, number>[]> {
  const counter = { next: 0 }
  for (const write of WRITES) await ratePerSecond(pool, write, budget.sliceMs, counter)
  const rates: Map<string, number>[] = []
  for (let round = 0; round < budget.rounds; round++) {
    onStep(`ledger, round ${round + 1} of ${budget.rounds}`)
    const rate = new Map<string, number>()
    for (const write of rotate(WRITES, round))
      rate.set(write.name, await ratePerSecond(pool, write, budget.sliceMs, counter))
    rates.push(rate)
  }
  return rates
}

/** Every connection writes one after the other until the time is over. */
async function ratePerSecond(
  pool: Pool,
  write: Write,
  sliceMs: number,
  counter: { next: number },
): Promise<number> {
  const begun = performance.now()
  const until = begun + sliceMs
  let events = 0
  const connection = async (): Promise<void> => {
    const client = await pool.connect()
    try {
      while (performance.now() < until) events += await write.run(client, counter.next++)
    } finally {
      client.release()
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, connection))
  return (events * MS_PER_S) / (performance.now() - begun)
}

const POST_SQL = `select post($1, $2, now(), $3, $4)`
const PLAIN_SQL = `insert into plain_entries values ($1, $2, $3), ($1, $4, $5), ($1, $6, $7)`
/** As the outbox does it: one statement for many events, of which line i belongs to event i / 3. */
const BATCH_SQL = `
  with event as (
    select array_agg('cap:' || g) as keys, array_agg('capture'::text) as kinds, array_agg(now()) as ats
    from generate_series($1::bigint, $1::bigint + $2::integer - 1) as g
  ), line as (
    select array_agg(i / 3 + 1) as postings, array_agg((array[-1000, 990, 10]::bigint[])[i % 3 + 1]) as amounts,
      array_agg(case i % 3
        when 0 then 'client:' || ($1::bigint + i / 3) % ${CLIENTS}
        when 1 then 'provider_pending:' || ($1::bigint + i / 3) % ${PROVIDERS}
        else 'revenue:fee' end) as codes
    from generate_series(0, 3 * $2::integer - 1) as i
  )
  select cardinality(post_all(keys, kinds, ats, postings, codes, amounts)) from event, line`

const plainRows = (n: number): number[] => [
  n,
  n % CLIENTS,
  -1000,
  CLIENTS + (n % PROVIDERS),
  990,
  CLIENTS + PROVIDERS,
  10,
]
const insertPlain = (client: PoolClient, n: number) =>
  client.query({ name: 'plain', text: PLAIN_SQL, values: plainRows(n) })

const WRITES: readonly Write[] = [
  {
    name: POST,
    run: async (client, n) => {
      const codes = [`client:${n % CLIENTS}`, `provider_pending:${n % PROVIDERS}`, 'revenue:fee']
      const values = [`one:${n}`, 'capture', codes, [-1000, 990, 10]]
      await client.query({ name: 'post', text: POST_SQL, values })
      return 1
    },
  },
  {
    name: TRANSACTION,
    run: async (client, n) => {
      await client.query('begin')
      await insertPlain(client, n)
      await client.query('commit')
      return 1
    },
  },
  {
    name: 'insert three rows, in one statement',
    run: async (client, n) => {
      await insertPlain(client, n)
      return 1
    },
  },
  {
    name: `post_all(), ${BATCH_SIZE} at a time`,
    run: async (client, n) => {
      const values = [n * BATCH_SIZE, BATCH_SIZE]
      await client.query({ name: 'batch', text: BATCH_SQL, values })
      return BATCH_SIZE
    },
  },
]

/** Whether postings are fast enough; nothing when that was not measured. */
export function judgeLedger(figures: LedgerFigures | undefined): Verdict[] {
  const ratio = figures?.rows.find(({ name }) => name === POST)?.ratio
  if (ratio === undefined) return []
  const outcome = ratio >= SHARE ? 'met' : 'NOT met'
  return [{ target: 'infernet-ledger', text: GOAL, outcome, ratio }]
}

/** The rows as a section of the Markdown report. */
export function renderLedger(figures: LedgerFigures | undefined): string[] {
  if (figures === undefined) return []
  return [
    `## Events a second on ${CONNECTIONS} connections (\`ledger\`)\n`,
    `${figures.server}.\n`,
    '| write | events/s | x |',
    '|---|---:|---:|',
    ...figures.rows.map(
      ({ name, perSecond, ratio }) => `| ${name} | ${perSecond.toFixed(0)} | ${ratio.toFixed(2)} |`,
    ),
    '',
  ]
}
