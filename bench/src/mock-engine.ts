/**
 * An OpenAI-compatible engine that costs next to nothing, as its own process:
 * `node mock-engine.ts [--port N]` prints one JSON line when it listens (loopback only).
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { parseArgs } from 'node:util'
import { monotonicMicros } from './clock.ts'
import { jsonAnswer, streamEvents } from './mock-answer.ts'
import { BadMockRequest, type MockRequest, parseMockRequest } from './mock-request.ts'
import { LOOPBACK, listeningUrl } from './loopback.ts'
import { writePaced } from './paced-stream.ts'

/** The only model the engine lists; it answers to any name. */
export const BENCH_MODEL = 'bench'

/** Largest request body: sixteen times the largest prompt that a scenario sends. */
const MAX_BODY_BYTES = 1024 * 1024

/** Completion tokens reported for a JSON answer. */
const JSON_COMPLETION_TOKENS = 64

/** Longer than any pause between two scenarios, so that no gateway reuses a connection that is just being closed. */
const KEEP_ALIVE_MS = 120_000

/** What the engine saw of its clients. */
export interface EngineStats {
  requests: number
  /** Streams delivered to the end. */
  completed: number
  /** Streams whose client hung up. */
  aborted: number
  /** Monotonic microseconds at which the last hang-up was noticed; 0 before the first. */
  lastAbortAtUs: number
  /** Content chunks that the stream begun last has written so far. */
  chunksSentOfLast: number
}

/** Creates the engine's server, not yet listening. */
export function createMockEngine(): Server {
  const stats: EngineStats = {
    requests: 0,
    completed: 0,
    aborted: 0,
    lastAbortAtUs: 0,
    chunksSentOfLast: 0,
  }
  return createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    const route = `${request.method} ${request.url}`
    if (route === 'POST /v1/chat/completions') readBody(request, response, stats)
    else if (route === 'GET /v1/models') sendJson(response, 200, modelList())
    else if (route === 'GET /stats') sendJson(response, 200, JSON.stringify(stats))
    else sendError(response, 404, `no route ${route}`)
  })
}

function readBody(request: IncomingMessage, response: ServerResponse, stats: EngineStats): void {
  const parts: Buffer[] = []
  let bytes = 0
  request.on('data', (part: Buffer) => {
    bytes += part.length
    if (bytes <= MAX_BODY_BYTES) parts.push(part)
  })
  request.on('end', () => {
    if (bytes > MAX_BODY_BYTES) sendError(response, 413, 'the body is too large')
    else answer(Buffer.concat(parts).toString(), response, stats)
  })
}

function answer(body: string, response: ServerResponse, stats: EngineStats): void {
  let request: MockRequest
  try {
    request = parseMockRequest(body)
  } catch (error) {
    if (!(error instanceof BadMockRequest)) throw error
    return sendError(response, 400, error.message)
  }
  stats.requests += 1
  const head = {
    id: `chatcmpl-${stats.requests}`,
    model: request.model,
    created: Math.trunc(Date.now() / 1_000),
  }
  if (request.stream) return stream(response, request, head, stats)
  const usage = {
    promptTokens: request.promptTokens,
    completionTokens: JSON_COMPLETION_TOKENS,
  }
  sendJson(response, 200, jsonAnswer(head, usage, monotonicMicros()))
}

function stream(
  response: ServerResponse,
  request: MockRequest,
  head: Parameters<typeof streamEvents>[0],
  stats: EngineStats,
): void {
  const usage = { promptTokens: request.promptTokens, completionTokens: request.pacing.chunks }
  const events = streamEvents(head, request.includeUsage ? usage : undefined)
  const chunkAt = (place: number) => {
    stats.chunksSentOfLast = place + 1
    return events.chunk(monotonicMicros())
  }
  response.on('close', () => {
    if (response.writableFinished) {
      stats.completed += 1
      return
    }
    stats.aborted += 1
    stats.lastAbortAtUs = monotonicMicros()
  })
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  response.write(events.opening)
  writePaced(response, request.pacing, chunkAt, events.closing)
}

function modelList(): string {
  const model = { id: BENCH_MODEL, object: 'model', created: 0, owned_by: 'bench' }
  return JSON.stringify({ object: 'list', data: [model] })
}

/** Answers with a JSON body. */
export function sendJson(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}

function sendError(response: ServerResponse, status: number, message: string): void {
  const error = { message, type: 'invalid_request_error', param: null, code: null }
  sendJson(response, status, JSON.stringify({ error }))
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } })
  const server = createMockEngine().listen(Number(values.port), LOOPBACK)
  await once(server, 'listening')
  console.log(JSON.stringify({ ready: true, url: listeningUrl(server) }))
}
