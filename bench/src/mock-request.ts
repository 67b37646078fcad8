import { type Pacing, parsePacing } from './pacing.ts'

/** The few fields of a chat completion request that the mock engine obeys. */
export interface MockRequest {
  readonly model: string
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly pacing: Pacing
  /** An estimate, four characters a token. */
  readonly promptTokens: number
}

/** Thrown for a body that no OpenAI-compatible engine would accept. */
export class BadMockRequest extends Error {
  readonly code = 'bad_mock_request'
  override readonly name = 'BadMockRequest'
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function messageText(message: unknown): string {
  if (!isObject(message)) throw new BadMockRequest('a message is not an object')
  const { content } = message
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) throw new BadMockRequest('a message has no content')
  return content
    .map((part: unknown) =>
      isObject(part) && typeof part['text'] === 'string' ? part['text'] : '',
    )
    .join('')
}

/**
 * Reads a request body. It is checked by hand rather than by schema because the engine shares two
 * cores with what is measured.
 * @throws {BadMockRequest} when the body is not a chat completion request
 */
export function parseMockRequest(text: string): MockRequest {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw new BadMockRequest('the body is not JSON')
  }
  if (!isObject(body)) throw new BadMockRequest('the body is not an object')
  const { model, messages, stream, stream_options: streamOptions } = body
  if (typeof model !== 'string') throw new BadMockRequest('model is missing')
  if (!Array.isArray(messages) || messages.length === 0)
    throw new BadMockRequest('messages are missing')
  return {
    model,
    stream: stream === true,
    includeUsage: isObject(streamOptions) && streamOptions['include_usage'] === true,
    pacing: parsePacing(messageText(messages.at(-1))),
    promptTokens: Math.ceil(text.length / 4),
  }
}
