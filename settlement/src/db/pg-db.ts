import { Pool } from 'pg'
import { databaseError, decodeValue, QUERY_TIMEOUT_MS, type DbPort } from './db-port.ts'

/** Enough for outbox flushes and key lookups beside each other; Postgres' own default limit is 100. */
const MAX_CONNECTIONS = 8
/** How long to wait for a connection, ms: refused at once, unless the network swallows packets. */
const CONNECT_TIMEOUT_MS = 5_000

const types = { getTypeParser: (oid: number) => (text: string) => decodeValue(oid, text) }

/** Any PostgreSQL by its `postgres://` URL, over a bounded pool. `close` drains it. */
export function connectPg(url: string): DbPort & { close(): Promise<void> } {
  const pool = new Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: QUERY_TIMEOUT_MS,
    // The server answers first unless it is gone.
    query_timeout: QUERY_TIMEOUT_MS + 1_000,
    application_name: 'infernet',
    // Of statements as short and as wide as ours, compiling takes seconds and running milliseconds.
    options: '-c jit=off',
  })
  // An idle connection that breaks is replaced on the next query; unheard, this event would be fatal.
  pool.on('error', () => {})
  return {
    async query(text, params) {
      try {
        const result = await pool.query<unknown[]>({
          text,
          values: [...params],
          rowMode: 'array',
          types,
        })
        return result.rows
      } catch (error) {
        throw databaseError(error)
      }
    },
    close: () => pool.end(),
  }
}
