import { type JsonObject, schemaRef } from './components.ts'
import { ALWAYS, headerRefs, OF_ERRORS } from './headers.ts'

/** What each status means; the `code` in the body says which of the reasons it was. */
const MEANINGS = {
  400: ['BadRequest', 'Something is wrong with the request; `param` names the field.'],
  401: ['Unauthorized', 'The API key is missing, unknown or revoked.'],
  402: [
    'PaymentRequired',
    'The balance or the budget does not cover what the request may cost; `l402` has an invoice for who has no account.',
  ],
  403: ['Forbidden', 'The key or the token may not do this.'],
  404: ['NotFound', 'There is no such model or object, or it belongs to another account.'],
  408: ['RequestTimeout', 'The request did not arrive in time.'],
  409: ['Conflict', 'The Idempotency-Key was used for another request.'],
  413: ['BodyTooLarge', 'The request body is too large.'],
  415: ['UnsupportedEncoding', 'The request body is compressed, or of a kind the engine lacks.'],
  422: ['Unprocessable', 'The engine cannot process the request.'],
  429: ['TooManyRequests', 'A limit of the key or the account is used up.'],
  431: ['HeadersTooLarge', 'The request headers are too large.'],
  500: ['InternalError', 'Our fault.'],
  502: ['ProviderFailed', 'Every provider that was tried failed.'],
  503: ['Unavailable', 'No provider is free, or none meets the request at the moment.'],
  504: ['ProviderTimeout', 'The provider did not answer in time.'],
} as const satisfies Record<number, readonly [name: string, meaning: string]>

export type ErrorStatus = keyof typeof MEANINGS
/** Whose error body: OpenAI's, or Anthropic's on its own endpoints. */
export type ErrorStyle = 'openai' | 'anthropic'

/** What a client may meet before any route is asked: no HTTP, too slow, too many headers. */
export const HTTP_FAULTS: readonly ErrorStatus[] = [400, 408, 431]
const isHttpFault = (status: ErrorStatus): boolean => HTTP_FAULTS.includes(status)

const STYLES = {
  openai: { prefix: '', schemas: ['ErrorResponse'] },
  anthropic: { prefix: 'Anthropic', schemas: ['AnthropicErrorResponse'] },
} as const

const statuses = Object.keys(MEANINGS).map((status) => Number(status) as ErrorStatus)

const nameOf = (status: ErrorStatus, style: ErrorStyle): string =>
  STYLES[style].prefix + MEANINGS[status][0]

function errorAnswer(status: ErrorStatus, style: ErrorStyle): JsonObject {
  const [, description] = MEANINGS[status]
  const own = schemaRef(STYLES[style].schemas[0])
  // The HTTP layer does not know whose client it refuses.
  const either = style === 'anthropic' && isHttpFault(status)
  const schema = either ? { anyOf: [own, schemaRef('ErrorResponse')] } : own
  return {
    description,
    // What is refused before it is read as a request has no id.
    headers: headerRefs([...ALWAYS, ...OF_ERRORS]),
    content: { 'application/json': { schema } },
  }
}

/** `components.responses`: one per status and style. */
export function errorAnswers(styles: readonly ErrorStyle[]): JsonObject {
  return Object.fromEntries(
    styles.flatMap((style) =>
      statuses.map((status) => [nameOf(status, style), errorAnswer(status, style)]),
    ),
  )
}

/** The error answers of one operation, by status. */
export function errorRefs(wanted: readonly ErrorStatus[], style: ErrorStyle): JsonObject {
  const sorted = [...new Set(wanted)].sort((a, b) => a - b)
  return Object.fromEntries(
    sorted.map((status) => [
      String(status),
      { $ref: `#/components/responses/${nameOf(status, style)}` },
    ]),
  )
}
