import { neon, neonConfig } from '@neondatabase/serverless'
import {
  databaseError,
  decodeValue,
  QUERY_TIMEOUT_MS,
  type DbPort,
} from '@infernet/settlement/db/db-port'

/** Host suffix that marks a plain SQL-over-HTTP endpoint for the driver's one global endpoint rule. */
const PLAIN_ENDPOINT = '.sql-over-http'

const neonEndpoint = neonConfig.defaults.fetchEndpoint
neonConfig.fetchEndpoint = (host, port, options) => {
  if (host.endsWith(PLAIN_ENDPOINT))
    return `http://${host.slice(0, -PLAIN_ENDPOINT.length)}:${port}/sql`
  return typeof neonEndpoint === 'string' ? neonEndpoint : neonEndpoint(host, port, options)
}

const types = { getTypeParser: (oid: number) => (text: string) => decodeValue(oid, text) }

/**
 * Postgres over Neon's SQL-over-HTTP protocol, for Workers and Node alike. `url` is Neon's
 * `postgres://…` connection string, or `http://host:port/sql` of a local
 * `hosts/node/database-server.ts`. Throws TypeError for anything else.
 */
export function connectNeon(url: string): DbPort {
  const sql = neon(connectionString(new URL(url)), { arrayMode: true })
  return {
    async query(statement, params) {
      try {
        const fetchOptions = { signal: AbortSignal.timeout(QUERY_TIMEOUT_MS) }
        return await sql.query(statement, [...params], { types, fetchOptions })
      } catch (error) {
        throw databaseError(error)
      }
    },
  }
}

/** The driver insists on a connection string, even for an endpoint that ignores it. */
function connectionString(url: URL): string {
  if (url.protocol === 'postgres:' || url.protocol === 'postgresql:') return url.href
  if (url.protocol !== 'http:' || url.pathname !== '/sql') {
    throw new TypeError(
      `Expected postgres://… or http://host:port/sql, not ${url.protocol}//${url.host}${url.pathname}`,
    )
  }
  return `postgres://local:local@${url.hostname}${PLAIN_ENDPOINT}:${url.port || '80'}/local`
}
