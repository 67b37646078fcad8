import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { PGlite } from '@electric-sql/pglite'
import { drizzle } from 'drizzle-orm/pglite'
import { migrate } from 'drizzle-orm/pglite/migrator'
import { lockDirectory } from './directory-lock.ts'
import { MIGRATIONS_FOLDER } from './migrate.ts'
import { serveSql } from './sql-over-http.ts'

export interface DatabaseServer {
  /** `http://127.0.0.1:PORT/sql`, for `connectNeon`. */
  readonly url: string
  /** Answers what has arrived, writes everything to disk, and frees the directory. */
  close(): Promise<void>
}

/**
 * The development database: a PostgreSQL in this process (PGlite) served as SQL over HTTP on
 * 127.0.0.1, with the migrations applied. Kept in `dataDir`, or in memory without one. Throws when
 * another process has `dataDir` open.
 */
export async function startDatabaseServer(options: {
  readonly dataDir?: string | undefined
  /** 0 picks a free one. */
  readonly port: number
}): Promise<DatabaseServer> {
  const { dataDir } = options
  // PGlite heeds no lock of its own, and two of them in one directory destroy it.
  const unlock = dataDir === undefined ? () => {} : lockDirectory(join(dataDir, 'lock'))
  const db = await PGlite.create(dataDir === undefined ? {} : { dataDir: join(dataDir, 'pgdata') })
  await migrate(drizzle(db), { migrationsFolder: MIGRATIONS_FOLDER })

  const server = serveSql(db)
  server.listen(options.port, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/sql`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      await closed
      await db.close()
      unlock()
    },
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { data: { type: 'string' }, port: { type: 'string', default: '0' } },
  })
  const server = await startDatabaseServer({ dataDir: values.data, port: Number(values.port) })
  process.stdout.write(`${JSON.stringify({ ready: true, url: server.url })}\n`)

  await new Promise((resolve) => {
    process.once('SIGTERM', resolve).once('SIGINT', resolve)
    // The supervisor holds the other end, so this one ends however the supervisor dies.
    if (process.env['INFERNET_SUPERVISED'] === '1') process.stdin.once('end', resolve).resume()
  })
  await server.close()
  process.exit()
}

if (import.meta.main) await main()
