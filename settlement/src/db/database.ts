import { DrizzleQueryError, type SQL } from 'drizzle-orm'
import { drizzle, type PgRemoteDatabase } from 'drizzle-orm/pg-proxy'
import type { DbPort } from './db-port.ts'

/** Typed queries over a {@link DbPort}; run them through {@link ask} or {@link askRows}. */
export type Database = PgRemoteDatabase

export const openDatabase = (port: DbPort): Database =>
  drizzle(async (sql, params) => ({ rows: await port.query(sql, params) }))

/**
 * Awaits a query. Throws the port's own DbError or DbUnavailable instead of drizzle's wrapper,
 * whose message would print every parameter into the logs.
 */
export async function ask<Result>(query: PromiseLike<Result>): Promise<Result> {
  try {
    return await query
  } catch (error) {
    throw error instanceof DrizzleQueryError ? error.cause : error
  }
}

/** Runs a statement written by hand; its rows are arrays of what {@link DbPort} yields. */
export const askRows = (db: Database, statement: SQL): Promise<unknown> =>
  ask(db.execute(statement))

/** A time in ms since the epoch as Postgres reads it. */
export const iso = (ms: number): string => new Date(ms).toISOString()

/** JSON's escapes for what Postgres refuses inside jsonb: NUL and lone surrogates (and paired ones, rarely). */
const SUSPECT = /\\u(0000|d[89a-f])/i

/** `value` as text for a `jsonb` parameter; see {@link jsonbText}. */
export const toJsonb = (value: unknown): string => jsonbText(JSON.stringify(value))

/**
 * JSON text for a `jsonb` parameter. Postgres refuses NUL and lone surrogates inside jsonb, and such
 * a string from a stranger must not block the batch that carries it.
 */
export function jsonbText(json: string): string {
  // Parsing costs ten times the search, so it is only done when there is something to replace.
  return SUSPECT.test(json) ? JSON.stringify(JSON.parse(json), withoutRefused) : json
}

const withoutRefused = (_key: string, inner: unknown): unknown =>
  typeof inner === 'string' ? inner.replaceAll('\0', '').toWellFormed() : inner
