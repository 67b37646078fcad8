import { type Agent, type ClientRequest, type IncomingMessage, request as send } from 'node:http'
import { visitStamps } from './chunk-stamp.ts'
import { monotonicMicros } from './clock.ts'
import { createStreamReader } from './stream-reader.ts'

/** A request hangs when nothing arrives for this long; the slowest scenario answers in one second. */
const SILENCE_LIMIT_MS = 10_000

/** One request to send, the same for all requests of a plan. */
export interface Ask {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly agent: Agent
  readonly stream: boolean
  readonly chunks: number
  readonly strict: boolean
}

/** One request and its answer, in monotonic microseconds. */
export interface Exchange {
  readonly startedUs: number
  readonly endedUs: number
  /** First content chunk of a stream; 0 when there was none. */
  readonly firstTokenUs: number
  readonly bytes: number
  /** Why the answer counts as a failure, or undefined when it was complete and correct. */
  readonly problem: string | undefined
}

/** Sends the request head and body; the caller handles the answer. */
export function sendAsk(ask: Ask, onResponse: (response: IncomingMessage) => void): ClientRequest {
  const headers = {
    ...ask.headers,
    'content-type': 'application/json',
    'content-length': ask.body.length,
  }
  const request = send(ask.url, { method: 'POST', agent: ask.agent, headers }, onResponse)
  request.setTimeout(SILENCE_LIMIT_MS, () => request.destroy(new Error('no answer in time')))
  request.end(ask.body)
  return request
}

/**
 * Sends one request, reads and checks the whole answer. Never rejects: a failure is a `problem`.
 * `onChunk` gets each content chunk's delay and time of arrival, in microseconds.
 */
export function exchange(
  ask: Ask,
  onChunk: (delayUs: number, nowUs: number) => void,
): Promise<Exchange> {
  return new Promise((resolve) => {
    const startedUs = monotonicMicros()
    let firstTokenUs = 0
    let bytes = 0
    const finish = (problem: string | undefined) =>
      resolve({ startedUs, endedUs: monotonicMicros(), firstTokenUs, bytes, problem })
    const request = sendAsk(ask, (response) => {
      const failure = response.statusCode !== 200
      const reader = ask.stream && !failure ? createStreamReader(ask.strict) : undefined
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => {
        bytes += part.length
        if (reader === undefined) {
          parts.push(part)
          return
        }
        const nowUs = monotonicMicros()
        reader.push(part, (stampUs) => {
          if (firstTokenUs === 0) firstTokenUs = nowUs
          onChunk(nowUs - stampUs, nowUs)
        })
      })
      response.on('error', (error) => finish(error.message))
      response.on('end', () => {
        if (reader !== undefined) finish(reader.problem(ask.chunks))
        else if (failure) finish(`status ${response.statusCode}: ${excerpt(parts)}`)
        else finish(jsonProblem(Buffer.concat(parts)))
      })
    })
    request.on('error', (error) => finish(error.message))
  })
}

const excerpt = (parts: readonly Buffer[]): string => Buffer.concat(parts).toString().slice(0, 200)

/** What is wrong with a JSON answer, or undefined when it carries the engine's content. */
function jsonProblem(body: Buffer): string | undefined {
  let content: unknown
  try {
    content = JSON.parse(body.toString())?.choices?.[0]?.message?.content
  } catch {
    return 'the answer is not JSON'
  }
  let stamps = 0
  if (typeof content === 'string') visitStamps(content, () => (stamps += 1))
  return stamps === 1 ? undefined : "the answer lacks the engine's content"
}
