import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PGlite } from '@electric-sql/pglite'
import { afterAll, beforeAll, expect, it } from 'vitest'

const FOLDER = fileURLToPath(new URL('../../migrations/', import.meta.url))
const BEFORE = ['0000_init', '0001_limits_and_responses']
const JOURNAL = ['0002_journal', '0003_post', '0004_drop_ledger_events']

let db: PGlite
beforeAll(async () => {
  db = await PGlite.create()
}, 60_000)
afterAll(() => db.close())

const apply = async (names: readonly string[]) => {
  for (const name of names) await db.exec(readFileSync(`${FOLDER}${name}.sql`, 'utf8'))
}
const ask = async (query: string) =>
  (await db.query<Record<string, string>>(query, [], { rowMode: 'array' })).rows

it('the table of events before the journal is moved into it', async () => {
  await apply(BEFORE)
  const job = (id: string, provider: string, cost: number, legs: string) =>
    `('${id}', 'A', 'k', 'r', 'm', true, 'completed', '${provider}', 1, 0, 0, 0, 500, ${cost}, now(), 1, ${legs})`
  await db.exec(`
    insert into jobs (id, account_id, api_key_id, request_id, model, stream, status, provider_id, attempts,
      prompt_tokens, completion_tokens, claimed_tokens, hold_msat, cost_msat, created_at, total_ms, prior_legs)
    values ${job('job_1', 'P', 300, 'null')}, ${job('job_2', 'P', 0, 'null')},
      ${job('job_3', 'Q', 30, `'[{"providerId": "P", "costMsat": 20}, {"providerId": "Q", "costMsat": 4}]'`)};
    insert into ledger_events (account_id, idempotency_key, kind, amount_msat, happened_at) values
      ('A', 'deposit:invoice: 1', 'deposit', 1000, '2026-01-01Z'),
      ('A', 'job:job_1', 'capture', -300, '2026-01-02Z'),
      ('A', 'job:job_2', 'release', 0, '2026-01-02Z'),
      ('A', 'job:job_3', 'capture', -30, '2026-01-03Z'),
      ('A', 'job:deleted', 'capture', -7, '2026-01-04Z'),
      ('B', 'deposit:x', 'deposit', 5, '2026-01-05Z')`)
  await apply(JOURNAL)

  expect(
    await ask(`
      select key, kind, extract(day from at at time zone 'UTC')::int, string_agg(code || ' ' || amount_msat, ', ' order by code)
      from journal join entries on journal_id = journal.id join ledger_accounts a on a.id = account_id
      group by journal.id order by journal.id`),
  ).toEqual([
    ['grant:A:invoice: 1', 'grant', 1, 'client:A 1000, equity:operator -1000'],
    ['cap:job_1', 'capture', 2, 'client:A -300, provider_pending:P 300'],
    ['cap:job_3', 'capture', 3, 'client:A -30, provider_pending:P 20, provider_pending:Q 10'],
    ['cap:deleted', 'capture', 4, 'client:A -7, suspense 7'],
    ['grant:B:x', 'grant', 5, 'client:B 5, equity:operator -5'],
  ])
  expect(await ask('select code, balance::text from ledger_accounts order by code')).toEqual([
    ['client:A', '663'],
    ['client:B', '5'],
    ['equity:operator', '0'],
    ['provider_pending:P', '320'],
    ['provider_pending:Q', '10'],
    ['suspense', '7'],
  ])
  expect(await ask('select distinct fee_bps from jobs')).toEqual([[0]])
  // An outbox that had not heard of it sends a job again.
  const again = `select post('cap:job_1', 'capture', now(), array['client:A', 'provider_pending:P'], array[-300, 300])`
  expect(await ask(again)).toEqual([[false]])
})
