import type { IncomingMessage } from 'node:http'
import { collect, type EngineConnection, type EngineHttpRequest } from './engine-connection.ts'

/** One question of ours to the engine, answered as a whole. */
export interface EngineQuestion extends Pick<EngineHttpRequest, 'path' | 'isBeside' | 'probes'> {
  /** Sent as JSON; a GET without it. */
  readonly payload?: unknown
  /** How long the engine may be silent, in ms. */
  readonly silenceMs: number
  /** Of the answer. */
  readonly maxBytes: number
  readonly signal: AbortSignal
}

export interface EngineReply {
  readonly status: number
  readonly body: string
}

/** There was no answer. */
export class EngineQuestionError extends Error {
  override readonly name = 'EngineQuestionError'
  readonly code: 'aborted' | 'no_answer'

  constructor(code: EngineQuestionError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** Asks the engine something. Rejects with {@link EngineQuestionError}; any status is an answer. */
export function askEngine(
  connection: EngineConnection,
  { path, isBeside, probes, payload, silenceMs, maxBytes, signal }: EngineQuestion,
): Promise<EngineReply> {
  if (signal.aborted) return Promise.reject(aborted())
  const { promise, resolve, reject } = Promise.withResolvers<EngineReply>()
  const fail = (reason: string): void => reject(new EngineQuestionError('no_answer', reason))
  const onResponse = (response: IncomingMessage): void => {
    response.on('error', (error) => fail(error.message))
    collect(response, maxBytes, (body) => {
      if (body === undefined) fail(`it answers with more than ${maxBytes} bytes`)
      else resolve({ status: response.statusCode ?? 0, body: body.toString() })
    })
  }
  const request = connection.request({
    path,
    onResponse,
    ...(isBeside === undefined ? {} : { isBeside }),
    ...(probes === undefined ? {} : { probes }),
    ...(payload === undefined ? {} : { body: JSON.stringify(payload) }),
  })
  const abort = (): void => {
    reject(aborted())
    request.destroy()
  }
  request.setTimeout(silenceMs, () => request.destroy(new Error('it does not answer')))
  request.on('error', (error) => fail(error.message))
  request.on('close', () => {
    signal.removeEventListener('abort', abort)
    fail('it broke off')
  })
  signal.addEventListener('abort', abort)
  return promise
}

const aborted = (): EngineQuestionError => new EngineQuestionError('aborted', 'it was stopped')

/** The JSON of a body; undefined for what is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
