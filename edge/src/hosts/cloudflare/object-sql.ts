import type { SqlPort } from '../../ports.ts'

/**
 * {@link SqlPort} on a Durable Object's storage. Its own count of written rows has every index entry
 * in it, so that SQLite is asked how many rows a statement changed.
 */
export function objectSql(storage: DurableObjectStorage): SqlPort {
  const { sql } = storage
  return {
    exec: (statement, ...params) => sql.exec(statement, ...params).toArray(),
    run: (statement, ...params) => {
      sql.exec(statement, ...params)
      return sql.exec<{ n: number }>('select changes() as n').one().n
    },
    transactionSync: (body) => storage.transactionSync(body),
  }
}
