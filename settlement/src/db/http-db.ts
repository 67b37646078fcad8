import { Agent, request, type IncomingMessage } from 'node:http'
import { z } from 'zod'
import { databaseError, decodeValue, QUERY_TIMEOUT_MS, type DbPort } from './db-port.ts'

/** PGlite behind the protocol runs one statement at a time: more sockets would wait there. */
const MAX_SOCKETS = 8

const answerSchema = z.object({
  fields: z.array(z.object({ dataTypeID: z.number() })),
  rows: z.array(z.array(z.string().nullable())),
})
type Answer = z.infer<typeof answerSchema>

/**
 * The SQL-over-HTTP protocol of `database-server.ts`, which is Neon's, on `node:http` with kept
 * connections. Neon's own driver parses its connection string and goes through `fetch` for every
 * statement, which costs a busy edge a tenth of its processor. Throws TypeError for any other URL.
 */
export function connectHttpDb(url: string): DbPort & { close(): void } {
  const { protocol, pathname, hostname, port } = new URL(url)
  if (protocol !== 'http:' || pathname !== '/sql') {
    throw new TypeError(`Expected http://host:port/sql, not ${url}`)
  }
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS })
  const target = { hostname: hostname.replace(/^\[|\]$/g, ''), port, path: pathname, agent }
  const post = (body: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(QUERY_TIMEOUT_MS)
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      }
      const sent = request({ ...target, method: 'POST', headers, signal }, (response) => {
        readAnswer(response).then(resolve, reject)
      })
      sent.on('error', reject).end(body)
    })
  return {
    async query(query, params) {
      try {
        const { fields, rows } = await post(JSON.stringify({ query, params: params.map(asText) }))
        const types = fields.map(({ dataTypeID }) => dataTypeID)
        return rows.map((row) => row.map((text, i) => text && decodeValue(types[i] ?? 0, text)))
      } catch (error) {
        throw databaseError(error)
      }
    },
    close: () => agent.destroy(),
  }
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = []
  for await (const part of response as AsyncIterable<Buffer>) parts.push(part)
  const text = Buffer.concat(parts).toString()
  if (response.statusCode === 200) return answerSchema.parse(JSON.parse(text))
  throw Object.assign(new Error(`answered ${response.statusCode}`), refusal(text))
}

/** The fields of a Postgres error; nothing for whatever else a server may say. */
function refusal(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

/** A parameter as Postgres reads it from text; arrays as array literals. */
function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (!Array.isArray(value)) return String(value)
  return `{${value.map((item) => element(asText(item))).join(',')}}`
}

const element = (text: string | null): string =>
  text === null ? 'NULL' : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
