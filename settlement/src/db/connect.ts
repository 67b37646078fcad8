import { connectHttpDb } from './http-db.ts'
import { connectPg } from './pg-db.ts'
import type { DbPort } from './db-port.ts'

export interface DbConnection extends DbPort {
  close(): Promise<void>
}

/** `postgres://…` for any PostgreSQL, `http://…/sql` for the development database. */
export function connectDatabase(url: string): DbConnection {
  const port = /^postgres(ql)?:/.test(url) ? connectPg(url) : connectHttpDb(url)
  return { query: (text, params) => port.query(text, params), close: async () => port.close() }
}
