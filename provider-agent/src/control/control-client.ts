import { request, type IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { errorMessageIn } from '../error-message.ts'
import { CONTROL_ANSWER_MS, MAX_CONTROL_ANSWER_BYTES } from './control-limits.ts'
import { ControlError } from './control-error.ts'

/** A request to the agent whose socket is at `socket`. */
export interface ControlRequest {
  readonly socket: string
  readonly method: 'GET' | 'POST'
  /** Such as `/status`. */
  readonly path: string
}

/** Asks the running agent. Throws {@link ControlError}. */
export async function askAgent<T>(asked: ControlRequest, schema: z.ZodType<T>): Promise<T> {
  const body = await bodyOf(await answerTo(asked))
  try {
    return schema.parse(JSON.parse(body))
  } catch (cause) {
    throw new ControlError(
      'bad_answer',
      `the agent at ${asked.socket} does not answer as this version does: start it anew`,
      { cause },
    )
  }
}

/** The running agent's answer line by line as it comes, until it ends or is given up. Throws {@link ControlError}. */
export async function* agentLines(
  asked: ControlRequest,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  const response = await answerTo(asked)
  signal?.addEventListener('abort', () => response.destroy(), { once: true })
  let rest = ''
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > MAX_CONTROL_ANSWER_BYTES) throw tooLong()
      yield* lines
    }
  } catch (error) {
    // The agent has ended, or has dropped who reads too slowly.
    if (error instanceof ControlError) throw error
  }
}

async function answerTo({ socket, method, path }: ControlRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const asking = request({ socketPath: socket, method, path, agent: false }, resolve)
  const timer = setTimeout(() => asking.destroy(new Error('no answer in time')), CONTROL_ANSWER_MS)
  asking.on('error', (cause) => reject(unreachable(socket, cause)))
  asking.end()
  const response = await promise.finally(() => clearTimeout(timer))
  if ((response.statusCode ?? 0) < 300) return response
  const reason = errorMessageIn(await bodyOf(response)) ?? `HTTP ${response.statusCode}`
  throw new ControlError('refused', `the agent refuses: ${reason}`)
}

const NOBODY: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR'])

function unreachable(socket: string, cause: Error): ControlError {
  const code = 'code' in cause ? String(cause.code) : ''
  if (NOBODY.has(code)) {
    return new ControlError('not_running', `no agent runs with its data at ${socket}`, { cause })
  }
  if (code === 'EACCES') {
    return new ControlError('not_yours', `the agent at ${socket} is another user’s`, { cause })
  }
  return new ControlError('refused', `cannot ask the agent at ${socket}: ${cause.message}`, {
    cause,
  })
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) {
    body += String(chunk)
    if (body.length > MAX_CONTROL_ANSWER_BYTES) throw tooLong()
  }
  return body
}

const tooLong = (): ControlError => new ControlError('bad_answer', 'the agent’s answer is too long')
