import type { JsonObject } from './components.ts'

const text = { type: 'string' }
const whole = { type: 'string', pattern: '^\\d+$' }

function header(description: string, schema: JsonObject): JsonObject {
  return { description, schema }
}

const ratelimits = (measure: 'requests' | 'tokens'): Record<string, JsonObject> => ({
  [`x-ratelimit-limit-${measure}`]: header(`${measure} per minute, for keys with a limit.`, whole),
  [`x-ratelimit-remaining-${measure}`]: header(`${measure} that may be used at once, now.`, whole),
  [`x-ratelimit-reset-${measure}`]: header(
    'Until all of the limit may be used at once, such as `12ms` or `6m0s`.',
    text,
  ),
})

/** Every header that an answer may have. Values are text on the wire, so their schemas are too. */
export const HEADERS: Readonly<Record<string, JsonObject>> = {
  'x-request-id': header('Name it when you ask us about the request.', {
    type: 'string',
    pattern: '^req_[0-9a-f]{32}$',
  }),
  'x-infernet-job': header('The id for `GET /v1/receipts/{id}` and `GET /v1/generation`.', {
    type: 'string',
    pattern: '^job_[0-9a-f]{32}$',
  }),
  'x-infernet-provider': header('Peer id of the provider that answers.', text),
  'idempotency-replayed': header('This is the answer to an earlier request with the same key.', {
    type: 'string',
    const: 'true',
  }),
  ...ratelimits('requests'),
  ...ratelimits('tokens'),
  'retry-after': header('Whole seconds to wait before the next try.', whole),
  'retry-after-ms': header('The same in milliseconds.', whole),
  'x-should-retry': header('`false`: another try would meet the same, or has been charged.', {
    type: 'string',
    enum: ['true', 'false'],
  }),
  'www-authenticate': header(
    'With a 402 to who has no key, or whose bundle is spent: `L402 …`, an invoice and a token.',
    text,
  ),
  etag: header('Changes with the document.', text),
}

/** Of every answer that the API gives. */
export const ALWAYS = ['x-request-id']
/** Of answers to keys and accounts with a rate limit, refusals included. */
const OF_LIMITS = Object.keys({ ...ratelimits('requests'), ...ratelimits('tokens') })
/** Of answers that a job gave. */
export const OF_JOBS = [
  'x-infernet-job',
  'x-infernet-provider',
  'idempotency-replayed',
  ...OF_LIMITS,
]
/** Of errors. */
export const OF_ERRORS = [
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'www-authenticate',
  ...OF_LIMITS,
]

/** References to these headers, as an answer lists them. */
export function headerRefs(names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}
