import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { monotonicMicros } from '../clock.ts'
import { listeningUrl, LOOPBACK } from '../loopback.ts'
import { BENCH_MODEL, sendJson } from '../mock-engine.ts'
import { later, writePaced } from '../paced-stream.ts'
import { modelOf } from './agent-load.ts'
import { answerEvents, wholeAnswer } from './engine-answer.ts'
import type { JobBook } from './job-book.ts'
import type { WatchedJob } from './watched-job.ts'

/** Longer than any pause between two windows of one load. */
const KEEP_ALIVE_MS = 120_000
/** Larger than any request here. */
const MAX_BODY_BYTES = 64 * 1024
const PROMPT_TOKENS = 24

/** The engine's end of an agent: answers at once, and notes when it was asked and when it writes. */
export interface EngineEnd extends AsyncDisposable {
  readonly url: string
}

/** Listens on loopback. What is no job of `book` goes to the server at `behind`, if there is one. */
export async function startEngineEnd(book: JobBook, behind?: string): Promise<EngineEnd> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    const askedUs = monotonicMicros()
    void serve(request, response, { book, behind, askedUs })
  })
  await once(server.listen(0, LOOPBACK), 'listening')
  return {
    url: listeningUrl(server),
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

interface Service {
  readonly book: JobBook
  readonly behind: string | undefined
  readonly askedUs: number
}

async function serve(request: IncomingMessage, response: ServerResponse, service: Service) {
  const { book, behind, askedUs } = service
  const body = await bodyOf(request)
  if (body === undefined) return
  const job = book.find(body)
  if (job !== undefined) return answer(job, body, response, askedUs)
  if (behind !== undefined && isKnown(request)) return passOn(request, body, response, behind)
  if (request.url === '/v1/models') return sendJson(response, 200, MODELS)
  if (request.url === '/v1/chat/completions') return sendJson(response, 200, QUESTION_ANSWER)
  sendJson(response, 404, '{"detail":"Not Found"}')
}

/** What the server behind answers; of other things it knows nothing. */
const isKnown = ({ method, url }: IncomingMessage): boolean =>
  method === 'POST' || url === '/version' || url === '/v1/models'

/**
 * Undefined where the client has gone, or was sent away. Read by events: a stream's iterator would cost the turn more
 * than the answer.
 */
function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const parts: Buffer[] = []
  let size = 0
  request.on('data', (part: Buffer) => {
    size += part.length
    if (size > MAX_BODY_BYTES) request.destroy(new Error('the request is too large'))
    else parts.push(part)
  })
  request.on('end', () => resolve(Buffer.concat(parts).toString()))
  request.on('error', () => resolve(undefined))
  return promise
}

/** To what an agent asks before it offers the model. */
const QUESTION_ANSWER = wholeAnswer(
  { id: 'chatcmpl-0', model: BENCH_MODEL, created: 1_750_000_000 },
  1,
)
const MODELS = JSON.stringify({ data: [{ id: BENCH_MODEL, owned_by: 'bench' }] })

function answer(job: WatchedJob, body: string, response: ServerResponse, askedUs: number): void {
  const { stream, shown, gapMs } = job.load
  job.asked(askedUs)
  if (shown !== body.includes('"return_token_ids":true')) {
    job.failed(shown ? 'the agent does not ask for claims' : 'the agent asks for claims')
  }
  const head = { id: `chatcmpl-${job.number}`, model: modelOf(job.load), created: 1_750_000_000 }
  if (stream) return writeStream(job, response, head)
  const whole = wholeAnswer(head, PROMPT_TOKENS)
  later(gapMs, () => {
    job.wrote(monotonicMicros())
    sendJson(response, 200, whole)
  })
}

function writeStream(
  job: WatchedJob,
  response: ServerResponse,
  head: Parameters<typeof answerEvents>[0],
): void {
  const events = answerEvents(head, job.load.chunks, job.load.shown)
  const chunkAt = (place: number): string => {
    const chunk = events.chunk(place)
    job.wrote(monotonicMicros())
    return chunk
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  job.wrote(monotonicMicros())
  response.write(events.opening)
  writePaced(response, job.load, chunkAt, events.closing)
}

/** The agent looks at an engine before it offers its models. */
function passOn(
  request: IncomingMessage,
  body: string,
  response: ServerResponse,
  behind: string,
): void {
  const { method, url, headers } = request
  const { 'content-length': _, ...rest } = headers
  const options = { method, headers: rest, agent: false as const }
  const asked = httpRequest(`${behind}${url}`, options, (answered) => {
    response.writeHead(answered.statusCode ?? 502, answered.headers)
    answered.pipe(response)
  })
  asked.on('error', () => response.destroy())
  asked.end(body)
}
