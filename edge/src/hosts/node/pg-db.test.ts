import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testDatabase } from '../../db/db-conformance.ts'
import { migrateDatabase } from './migrate.ts'
import { connectPg } from '@infernet/settlement/db/pg-db'

const url = process.env['INFERNET_TEST_POSTGRES_URL']

describe.skipIf(url === undefined)(
  'PostgreSQL (needs a server: apt-get install postgresql, then scripts/with-postgres npm test, or set INFERNET_TEST_POSTGRES_URL)',
  () => {
    let db: ReturnType<typeof connectPg>
    beforeAll(async () => {
      await Promise.all([migrateDatabase(url!), migrateDatabase(url!)])
      db = connectPg(url!)
    })
    afterAll(() => db.close())
    testDatabase(() => db)

    it('outlives a connection that the server ends', async () => {
      const [[pid]] = (await db.query('select pg_backend_pid()', [])) as [[number]]
      await db.query('select pg_terminate_backend($1)', [pid]).catch(() => undefined)
      await expect.poll(() => db.query('select 1', []).catch(String)).toEqual([[1]])
    })
  },
)

describe('a PostgreSQL that is not there', () => {
  it('throws DbUnavailable', async () => {
    const db = connectPg('postgres://nobody@127.0.0.1:1/none')
    await expect(db.query('select 1', [])).rejects.toMatchObject({ name: 'DbUnavailable' })
    await db.close()
  })
})
