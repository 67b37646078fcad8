import { fileURLToPath } from 'node:url'
import { PGlite } from '@electric-sql/pglite'
import { getTableColumns } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import { drizzle } from 'drizzle-orm/pglite'
import { migrate } from 'drizzle-orm/pglite/migrator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jobRecordSchema } from './job-record.ts'
import * as audit from './audit-tables.ts'
import * as settlement from './settlement-tables.ts'
import * as schema from './tables.ts'

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url))
const tables = Object.values({ ...schema, ...settlement, ...audit })
  .filter((value) => value instanceof PgTable)
  .map(getTableConfig)

describe('the migrations, applied to an empty database', () => {
  let db: PGlite
  beforeAll(async () => {
    db = await PGlite.create()
    await migrate(drizzle(db), { migrationsFolder: MIGRATIONS })
  }, 60_000)
  afterAll(() => db.close())

  const ask = async (query: string, parameters: unknown[] = []) =>
    (await db.query<Record<string, unknown>>(query, parameters)).rows

  it('make exactly the tables that are declared', async () => {
    const rows = await ask(
      `select table_name from information_schema.tables where table_schema = 'public'`,
    )
    expect(rows.map((row) => row['table_name']).sort()).toEqual(
      tables.map(({ name }) => name).sort(),
    )
    expect(tables.length).toBeGreaterThan(0)
  })

  it.each(tables)('make every column of $name as it is declared', async ({ name, columns }) => {
    const rows = await ask(
      `select column_name as name, data_type as type, is_nullable = 'NO' as "notNull",
              column_default is not null as "hasDefault"
       from information_schema.columns where table_schema = 'public' and table_name = $1`,
      [name],
    )
    const declared = columns.map((column) => ({
      name: column.name,
      type: column.getSQLType(),
      notNull: column.notNull,
      hasDefault: column.hasDefault && column.generatedIdentity === undefined,
    }))
    expect(new Set(rows)).toEqual(new Set(declared))
  })

  it.each(tables)('make the primary key of $name', async ({ name, columns, primaryKeys }) => {
    const rows = await ask(
      `select attribute.attname as name from pg_index
       join pg_attribute attribute on attrelid = indrelid and attnum = any(indkey)
       where indrelid = ('public.' || quote_ident($1))::regclass and indisprimary`,
      [name],
    )
    const declared = [
      ...columns.filter(({ primary }) => primary),
      ...primaryKeys.flatMap((key) => key.columns),
    ].map((column) => column.name)
    expect(declared.length).toBeGreaterThan(0)
    expect(rows.map((row) => row['name']).sort()).toEqual(declared.sort())
  })

  it.each(tables)('make the indexes of $name', async ({ name, indexes }) => {
    const rows = await ask(
      `select relname as name, indisunique as "isUnique" from pg_index
       join pg_class on pg_class.oid = indexrelid
       where indrelid = ('public.' || quote_ident($1))::regclass and not indisprimary`,
      [name],
    )
    const declared = indexes.map(({ config }) => ({ name: config.name, isUnique: config.unique }))
    expect(new Set(rows)).toEqual(new Set(declared))
  })

  it('make the foreign keys', async () => {
    const rows = await ask(`select conname as name from pg_constraint where contype = 'f'`)
    const declared = tables.flatMap(({ foreignKeys }) => foreignKeys.map((key) => key.getName()))
    expect(rows.map((row) => row['name']).sort()).toEqual(declared.sort())
  })

  it('apply once: a second run changes nothing', async () => {
    await expect(migrate(drizzle(db), { migrationsFolder: MIGRATIONS })).resolves.not.toThrow()
  })
})

describe('the jobs table', () => {
  it('has a column for each field of a job record, its fee, release and slash, and the same ways to end', () => {
    expect(Object.keys(getTableColumns(schema.jobs)).sort()).toEqual(
      [
        ...Object.keys(jobRecordSchema.shape),
        'feeBps',
        'releasedAt',
        'slashId',
        'isForfeit',
      ].sort(),
    )
    expect(schema.jobs.status.enumValues).toEqual(jobRecordSchema.shape.status.options)
  })
})

it('amounts of money are bigint columns', () => {
  const amounts = tables
    .flatMap(({ columns }) => columns)
    .filter(({ name }) => name.endsWith('_msat'))
  expect(amounts.length).toBeGreaterThan(0)
  for (const column of amounts) expect(column.dataType, column.name).toBe('bigint')
})
