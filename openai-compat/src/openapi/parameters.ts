import type { JsonObject } from './components.ts'

/** Longest id that `GET /v1/generation` looks up. */
const MAX_GENERATION_ID_CHARS = 256

/** `components.parameters`, by the name that the table of operations uses. */
export const PARAMETERS = {
  'Idempotency-Key': {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description:
      'Runs the request at most once: repetitions get the first one’s answer, another request 409.',
    schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
  },
  'If-None-Match': {
    name: 'If-None-Match',
    in: 'header',
    required: false,
    description: 'The etag of the document you have.',
    schema: { type: 'string' },
  },
  spec: {
    name: 'spec',
    in: 'path',
    required: true,
    description: 'The spec of a model, as a receipt’s claim has it.',
    schema: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  },
  model: {
    name: 'model',
    in: 'path',
    required: true,
    description: 'The id of a model.',
    schema: { type: 'string', minLength: 1 },
  },
  provider: {
    name: 'provider',
    in: 'path',
    required: true,
    description: 'The peer id of a provider.',
    schema: { type: 'string' },
  },
  response: {
    name: 'response',
    in: 'path',
    required: true,
    description: 'The id of a stored response.',
    schema: { type: 'string', minLength: 1 },
  },
  stream: {
    name: 'stream',
    in: 'query',
    required: false,
    description: '`true` is refused: only responses made in the background could be.',
    schema: { type: 'boolean' },
  },
  limit: {
    name: 'limit',
    in: 'query',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
  },
  days: {
    name: 'days',
    in: 'query',
    required: false,
    description: 'How many, today included.',
    schema: { type: 'integer', minimum: 1, maximum: 90, default: 30 },
  },
  order: {
    name: 'order',
    in: 'query',
    required: false,
    schema: { type: 'string', enum: ['asc', 'desc'], default: 'desc' },
  },
  after: {
    name: 'after',
    in: 'query',
    required: false,
    description: 'The `last_id` of the page before.',
    schema: { type: 'string' },
  },
  generation: {
    name: 'id',
    in: 'query',
    required: true,
    description: 'The `id` of an answer, or its `x-infernet-job` header.',
    schema: { type: 'string', minLength: 1, maxLength: MAX_GENERATION_ID_CHARS },
  },
  job: {
    name: 'id',
    in: 'path',
    required: true,
    description: 'The `x-infernet-job` header of an answer.',
    schema: { type: 'string', minLength: 1 },
  },
  slash: {
    name: 'slash',
    in: 'path',
    required: true,
    description: 'The id of a slash.',
    schema: { type: 'string', pattern: '^slash_[0-9a-f]{32}$' },
  },
  slashed_provider: {
    name: 'provider',
    in: 'query',
    required: true,
    description: 'The peer id of a provider.',
    schema: { type: 'string' },
  },
  priced_job: {
    name: 'priced_job',
    in: 'path',
    required: true,
    description: 'The id of a job of a fixed price.',
    schema: { type: 'string', minLength: 1 },
  },
  topup: {
    name: 'topup',
    in: 'path',
    required: true,
    description: 'The id of a top-up.',
    schema: { type: 'string', minLength: 1 },
  },
  withdrawal: {
    name: 'withdrawal',
    in: 'path',
    required: true,
    description: 'The id of a withdrawal.',
    schema: { type: 'string', minLength: 1 },
  },
} as const satisfies Record<string, JsonObject>

export type ParameterName = keyof typeof PARAMETERS
