import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testDatabase } from '../../db/db-conformance.ts'
import { startDatabaseServer, type DatabaseServer } from './database-server.ts'
import { connectHttpDb } from '@infernet/settlement/db/http-db'

describe('a database over HTTP', () => {
  let server: DatabaseServer
  let db: ReturnType<typeof connectHttpDb>
  beforeAll(async () => {
    server = await startDatabaseServer({ port: 0 })
    db = connectHttpDb(server.url)
  }, 60_000)
  afterAll(async () => {
    db.close()
    await server.close()
  })
  testDatabase(() => db)

  it('writes empty arrays, and null and backslashes in arrays', async () => {
    const read = 'select $1::text[], array_length($2::int4[], 1), ($3::text[])[1]'
    expect(await db.query(read, [[], [1, null, 3], ['a\\b"c']])).toEqual([['{}', 3, 'a\\b"c']])
  })

  it('keeps an empty text apart from null', async () => {
    expect(await db.query('select $1::text, null::text', [''])).toEqual([['', null]])
  })
})

describe('what is no database', () => {
  const unavailable = { name: 'DbUnavailable', code: 'database_unavailable' }

  it.each([
    [502, 'bad gateway'],
    [200, 'null'],
    [200, '{"rows": 1}'],
    [503, '{"message": "Too many statements are waiting"}'],
  ])('is unavailable: %i %s', async (status, body) => {
    const broken = createServer((_, response) => response.writeHead(status).end(body))
    await once(broken.listen(0, '127.0.0.1'), 'listening')
    const db = connectHttpDb(`http://127.0.0.1:${(broken.address() as AddressInfo).port}/sql`)
    await expect(db.query('select 1', [])).rejects.toMatchObject(unavailable)
    db.close()
    await new Promise((resolve) => broken.close(resolve))
    await expect(db.query('select 1', [])).rejects.toMatchObject(unavailable)
  })

  it('is unavailable when it hangs up in the middle', async () => {
    const broken = createServer((_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"fields"')
      setImmediate(() => response.destroy())
    })
    await once(broken.listen(0, '127.0.0.1'), 'listening')
    const db = connectHttpDb(`http://127.0.0.1:${(broken.address() as AddressInfo).port}/sql`)
    await expect(db.query('select 1', [])).rejects.toMatchObject(unavailable)
    db.close()
    broken.close()
  })

  it.each(['http://127.0.0.1:1/other', 'https://127.0.0.1:1/sql', 'postgres://a@b/c'])(
    'refuses %s',
    (url) => {
      expect(() => connectHttpDb(url)).toThrow(TypeError)
    },
  )
})
