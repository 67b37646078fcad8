import { createServer, type IncomingMessage, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import type { PGlite, QueryOptions, Transaction } from '@electric-sql/pglite'
import { z } from 'zod'

/** Longest request body, bytes: a full outbox flush is under 1 MB. */
export const MAX_BODY_BYTES = 8 << 20
/** Most requests queued before PGlite's one session; more are told to come back (503). */
const MAX_WAITING = 256

const statementSchema = z.object({
  query: z.string(),
  params: z.array(z.string().nullable()).default([]),
})
type Statement = z.infer<typeof statementSchema>
/** One statement, or several as one transaction. */
const bodySchema = z.union([z.object({ queries: z.array(statementSchema) }), statementSchema])

/**
 * Neon's SQL-over-HTTP protocol before a PGlite: `POST /sql` with `{query, params}` or
 * `{queries: […]}`. Rows are arrays and values are what Postgres prints, as Neon's driver always asks
 * (`Neon-Array-Mode`, `Neon-Raw-Text-Output`). What Postgres refuses is a 400 with its error fields.
 */
export function serveSql(db: PGlite): Server {
  const asText = untouched(db)
  let waiting = 0
  return createServer((request, response) => {
    const reply = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    if (request.method !== 'POST' || request.url !== '/sql') {
      return reply(404, { message: 'There is only POST /sql' })
    }
    if (Number(request.headers['content-length'] ?? Infinity) > MAX_BODY_BYTES) {
      return reply(413, { message: `The body needs a content-length of at most ${MAX_BODY_BYTES}` })
    }
    if (waiting === MAX_WAITING) return reply(503, { message: 'Too many statements are waiting' })
    waiting++
    answer(db, request, asText)
      .then((body) => reply(200, body))
      .catch((error: unknown) => reply(400, errorBody(error)))
      .finally(() => waiting--)
  })
}

async function answer(db: PGlite, request: IncomingMessage, asText: QueryOptions): Promise<object> {
  const body = bodySchema.parse(JSON.parse(await text(request)))
  if (!('queries' in body)) return runStatement(db, body, asText)
  return db.transaction(async (transaction) => {
    const results = []
    for (const statement of body.queries) {
      results.push(await runStatement(transaction, statement, asText))
    }
    return { results }
  })
}

async function runStatement(
  db: PGlite | Transaction,
  { query, params }: Statement,
  asText: QueryOptions,
): Promise<object> {
  const result = await db.query<unknown[]>(query, params, { ...asText, rowMode: 'array' })
  return {
    fields: result.fields,
    rows: result.rows,
    command: /\w+/.exec(query)?.[0].toUpperCase() ?? '',
    rowCount: result.affectedRows || result.rows.length,
    rowAsArray: true,
  }
}

/** Parameters arrive as text and values leave as text: nothing is left for PGlite to convert. */
const untouched = (db: PGlite): QueryOptions => ({
  parsers: identities(db.parsers),
  serializers: identities(db.serializers),
})

const identities = (types: object) =>
  Object.fromEntries(Object.keys(types).map((oid) => [oid, (value: string) => value]))

const postgresErrorSchema = z.object({
  message: z.string(),
  code: z.string().optional(),
  severity: z.string().optional(),
  detail: z.string().optional(),
  hint: z.string().optional(),
  schema: z.string().optional(),
  table: z.string().optional(),
  column: z.string().optional(),
  constraint: z.string().optional(),
})

/** The fields of an error that Neon passes on. */
function errorBody(error: unknown): object {
  const fields = postgresErrorSchema.safeParse(error)
  return fields.success ? fields.data : { message: String(error) }
}
