import type { SqlPort } from '../ports.ts'

/**
 * The tables of an account's SQLite, as steps that are each run once; a released step never changes.
 * `without rowid` keeps a row in one B-tree: half the pages to write, and half of what a Durable
 * Object is billed for.
 */
const STEPS: readonly (readonly string[])[] = [
  [
    `create table if not exists account (
       id text primary key,
       available integer not null check (available >= 0),
       reserved integer not null check (reserved >= 0),
       open_holds integer not null check (open_holds >= 0)
     ) strict`,
    `create table if not exists hold (
       job text primary key,
       account text not null,
       amount integer not null check (amount >= 0),
       expires_at integer not null,
       record text
     ) strict`,
    `create table if not exists deposit (
       account text not null,
       reference text not null,
       amount integer not null check (amount > 0),
       at integer not null,
       flushed integer not null default 0,
       primary key (account, reference)
     ) strict`,
  ],
  [
    // What was captured on `day` (days since the epoch, UTC).
    `alter table account add column day integer not null default 0`,
    `alter table account add column spent integer not null default 0 check (spent >= 0)`,
    `create table key_spend (
       account text not null,
       api_key text not null,
       day integer not null,
       spent integer not null check (spent >= 0),
       reserved integer not null check (reserved >= 0),
       open_holds integer not null check (open_holds >= 0),
       primary key (account, api_key)
     ) strict, without rowid`,
    // 'api_key' is set where 'key_spend' counts the hold, 'once' where a request may be repeated.
    `create table hold_2 (
       job text primary key,
       account text not null,
       amount integer not null check (amount >= 0),
       expires_at integer not null,
       api_key text,
       once text,
       record text
     ) strict, without rowid`,
    `insert into hold_2 (job, account, amount, expires_at, record)
     select job, account, amount, expires_at, record from hold`,
    `drop table hold`,
    `alter table hold_2 rename to hold`,
    // The smallest 'id' is the oldest. 'status' is null while the request runs, and 0 when its answer
    // is not kept; 'failed' waits for its last open hold; 'spoiled' says that its last job delivered
    // nothing; 'size' counts the body.
    `create table once (
       id integer primary key,
       account text not null,
       api_key text not null,
       key text not null,
       fingerprint text not null,
       job text not null,
       started_at integer not null,
       open_holds integer not null default 0,
       charged integer not null default 0,
       failed integer not null default 0,
       spoiled integer not null default 0,
       status integer,
       content_type text,
       headers text,
       size integer not null default 0,
       unique (account, api_key, key)
     ) strict`,
    `create index once_age on once (account)`,
    `create index once_job on once (account, job)`,
    `create index once_running on once (account, key) where status is null`,
    `create table once_body (
       once integer not null,
       part integer not null,
       bytes blob not null,
       primary key (once, part)
     ) strict, without rowid`,
    `create table once_size (account text primary key, size integer not null) strict, without rowid`,
  ],
  [
    // Kept for ever: a reference that comes again must have the same outcome.
    `create table transfer (
       account text not null,
       reference text not null,
       amount integer not null check (amount <> 0),
       outcome text not null check (outcome in ('done', 'refused')),
       primary key (account, reference)
     ) strict, without rowid`,
  ],
]

/** Brings the tables up to date, whatever version made them. */
export function migrate(sql: SqlPort): void {
  sql.transactionSync(() => {
    sql.exec(`create table if not exists schema_version (version integer not null) strict`)
    const [row] = sql.exec(`select version from schema_version`)
    const version = row === undefined ? 0 : Number(row['version'])
    if (row === undefined) sql.run(`insert into schema_version values (0)`)
    for (const step of STEPS.slice(version)) for (const statement of step) sql.exec(statement)
    if (version < STEPS.length) sql.run(`update schema_version set version = ?`, STEPS.length)
  })
}
