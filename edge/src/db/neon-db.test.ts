import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDatabaseServer, type DatabaseServer } from '../hosts/node/database-server.ts'
import { testDatabase } from './db-conformance.ts'
import { connectNeon } from './neon-db.ts'
import type { DbPort } from '@infernet/settlement/db/db-port'

describe('SQL over HTTP', () => {
  let server: DatabaseServer
  let port: DbPort
  beforeAll(async () => {
    server = await startDatabaseServer({ port: 0 })
    port = connectNeon(server.url)
  }, 60_000)
  afterAll(() => server.close())
  testDatabase(() => port)

  it('throws DbUnavailable when nobody listens or the answer is not Postgres’', async () => {
    const broken = createServer((_, response) => response.writeHead(502).end('bad gateway')).listen(
      0,
      '127.0.0.1',
    )
    await once(broken, 'listening')
    const url = `http://127.0.0.1:${(broken.address() as AddressInfo).port}/sql`
    const unavailable = { name: 'DbUnavailable', code: 'database_unavailable' }
    await expect(connectNeon(url).query('select 1', [])).rejects.toMatchObject(unavailable)
    await new Promise((resolve) => broken.close(resolve))
    await expect(connectNeon(url).query('select 1', [])).rejects.toMatchObject(unavailable)
  })

  it.each(['http://127.0.0.1:1/other', 'https://example.com/sql', 'mysql://a:b@c/d'])(
    'refuses %s',
    (url) => {
      expect(() => connectNeon(url)).toThrow(TypeError)
    },
  )

  it("takes Neon's own connection string", () => {
    expect(() =>
      connectNeon('postgres://user:password@ep-x.eu.aws.neon.tech/db?sslmode=require'),
    ).not.toThrow()
  })
})
