/**
 * Postgres as the edge sees it: one statement, one round trip. Whatever must be atomic is written
 * as a single statement (data-modifying CTEs), so no adapter needs interactive transactions.
 */
export interface DbPort {
  /**
   * Runs `sql` with `$1`… bound to `params` (strings, numbers, bigints, booleans, null; arrays
   * become array literals) and returns its rows as arrays. Every adapter yields the same values:
   * see {@link decodeValue}. Throws {@link DbError} when Postgres refuses the statement and
   * {@link DbUnavailable} when no answer came, in which case it may or may not have run.
   */
  query(sql: string, params: readonly unknown[]): Promise<unknown[][]>
}

/** Longest wait for one statement, in ms: a healthy one takes 1 to 100. */
export const QUERY_TIMEOUT_MS = 10_000

/** Postgres answered with an error; `code` is its SQLSTATE. Repeating the statement won't help. */
export class DbError extends Error {
  override readonly name = 'DbError'
  readonly code: string
  /** The violated constraint, when one was. */
  readonly constraint: string | undefined

  constructor(message: string, code: string, constraint?: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.constraint = constraint
  }
}

/** No answer: down, unreachable, out of connections, or too slow. Worth repeating later. */
export class DbUnavailable extends Error {
  override readonly name = 'DbUnavailable'
  readonly code = 'database_unavailable'
}

/** SQLSTATE classes that say something of the server's state and nothing of the statement. */
const UNAVAILABLE = /^(08|53|57|58|XX|40)/

/** What an adapter throws for an error its driver raised; `code` is a SQLSTATE or anything else. */
export function databaseError(error: unknown): DbError | DbUnavailable {
  const { message, code, constraint } = fieldsOf(error)
  const options = { cause: error }
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !UNAVAILABLE.test(code)
    ? new DbError(message, code, typeof constraint === 'string' ? constraint : undefined, options)
    : new DbUnavailable(`The database gave no answer: ${message}`, options)
}

function fieldsOf(error: unknown): { message: string; code?: unknown; constraint?: unknown } {
  if (!(error instanceof Error)) return { message: String(error) }
  return {
    message: error.message,
    code: 'code' in error ? error.code : undefined,
    constraint: 'constraint' in error ? error.constraint : undefined,
  }
}

/** Type oids whose text is turned into a JavaScript value. */
const BOOL = 16
const SMALL_NUMBERS: ReadonlySet<number> = new Set([21, 23, 700, 701]) // int2, int4, float4, float8

/**
 * The JavaScript value of one column: booleans and numbers that fit are decoded, and everything
 * else (int8, numeric, timestamps, json, arrays) stays the text Postgres printed, which is what
 * drizzle's column mappers take. null never gets here.
 */
export function decodeValue(typeOid: number, text: string): unknown {
  if (typeOid === BOOL) return text === 't'
  return SMALL_NUMBERS.has(typeOid) ? Number(text) : text
}
