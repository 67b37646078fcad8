import type { Endpoint } from '@infernet/schemas/wire'
import { ScoreError } from '../score-order.ts'
import type { EngineConnection } from './engine-connection.ts'
import { errorOfResponse } from './engine-error.ts'
import { parseJson } from './engine-question.ts'
import { askOrFail } from './score-question.ts'

/** These are answered beside the queue, in milliseconds. */
const SILENCE_MS = 30_000
/** A prompt of `MAX_TRANSCRIPT_TOKENS`, as text or as ids, with the word of each. */
const MAX_REPLY_BYTES = 32 * 1024 * 1024

/** A request as it is sent to the engine. */
export interface SentRequest {
  readonly endpoint: Endpoint
  readonly payload: Readonly<Record<string, unknown>>
}

/** What a server tells of its template and its tokens. All of it rejects with {@link ScoreError}. */
export interface ServerTokenizer {
  /** The ids that it reads a request's prompt as. */
  promptIds(request: SentRequest, signal: AbortSignal): Promise<readonly number[]>
  /** The text of the ids, special ones and all. */
  textOf(ids: readonly number[], signal: AbortSignal): Promise<string>
  /** Whether a token is for sure one that says something to the engine, and that clients are not shown. */
  isSilent(id: number, signal: AbortSignal): Promise<boolean>
  /** Whether there is no token in the text that could be anything but text to the engine. */
  isPlain(text: string, signal: AbortSignal): Promise<boolean>
}

/** A word by which models mark parts of a text: `<think>`, `<|im_end|>`, `[INST]`; bytes like `<0x0A>` are none. */
const MARK = /^[▁Ġ]?(<(?!0x[0-9A-F]{2}>)[^\s<>]+>|\[\/?\w{3,}\])$/u

export const isMark = (word: string): boolean => MARK.test(word)

export interface ServerReply {
  readonly status: number
  /** Undefined for what is no JSON. */
  readonly json: unknown
  /** In the server's words, of a status other than 200. */
  readonly error: string
}

/** Asks a server something that is not OpenAI's. Rejects with {@link ScoreError}; any status is an answer. */
export async function askServer(
  connection: EngineConnection,
  question: { readonly path: string; readonly isBeside: boolean; readonly payload: unknown },
  signal: AbortSignal,
): Promise<ServerReply> {
  const how = { silenceMs: SILENCE_MS, maxBytes: MAX_REPLY_BYTES, signal }
  const { status, body } = await askOrFail(connection, { ...question, ...how }, notRendered)
  const error = status === 200 ? '' : errorOfResponse(status, body).message
  return { status, json: parseJson(body), error }
}

/** What a good answer says. Throws {@link ScoreError} for any other. */
export function jsonOf({ status, json, error }: ServerReply): unknown {
  if (status !== 200) throw notRendered(error)
  return json
}

export const notRendered = (reason: string): ScoreError =>
  new ScoreError('engine_failed', `the server did not render: ${reason}`)
