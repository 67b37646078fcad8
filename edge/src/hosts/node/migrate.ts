import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import { Client } from 'pg'

export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../../../migrations', import.meta.url))

/** Brings the PostgreSQL at `url` (`postgres://…`) up to date; one that is, stays untouched. */
export async function migrateDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    // The migrator itself takes no lock; this one ends with the connection.
    await client.query("select pg_advisory_lock(hashtext('infernet migrations'))")
    await migrate(drizzle(client), { migrationsFolder: MIGRATIONS_FOLDER })
  } finally {
    await client.end()
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { url: { type: 'string' } } })
  if (values.url === undefined) {
    process.stderr.write(
      'usage: node edge/src/hosts/node/migrate.ts --url postgres://user:password@host/database\n',
    )
    process.exit(2)
  }
  await migrateDatabase(values.url)
}
