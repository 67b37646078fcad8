import { type ErrorStatus, HTTP_FAULTS } from './error-answers.ts'
import { ALWAYS, OF_JOBS } from './headers.ts'
import type { Operation } from './operation.ts'

/** What running a job may end with. */
const JOB_ERRORS: readonly ErrorStatus[] = [
  ...HTTP_FAULTS,
  ...([401, 402, 403, 404, 409, 413, 415, 422, 429, 500, 502, 503, 504] as const),
]
const JOB_HEADERS = [...ALWAYS, ...OF_JOBS]

const hello = [{ role: 'user', content: 'Count from 3 to 7' }]

/** The operations that run jobs. */
export const INFERENCE_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/chat/completions',
    id: 'createChatCompletion',
    tag: 'Chat',
    summary: 'Answers a conversation, as JSON or as a stream.',
    parameters: ['Idempotency-Key'],
    request: {
      schema: 'CreateChatCompletionRequest',
      example: { model: 'infernet-demo', messages: hello, max_completion_tokens: 16 },
    },
    answer: {
      description: 'The answer; a stream of chunks ended by `[DONE]` with `stream: true`.',
      json: 'CreateChatCompletionResponse',
      events: 'CreateChatCompletionStreamResponse',
      headers: JOB_HEADERS,
    },
    errors: JOB_ERRORS,
  },
  {
    method: 'post',
    path: '/v1/completions',
    id: 'createCompletion',
    tag: 'Completions',
    summary: 'Continues one prompt or several.',
    parameters: ['Idempotency-Key'],
    request: {
      schema: 'CreateCompletionRequest',
      example: { model: 'infernet-demo', prompt: 'Once', max_tokens: 8 },
    },
    answer: {
      description: 'The text; a stream of chunks ended by `[DONE]` with `stream: true`.',
      json: 'CreateCompletionResponse',
      events: 'CreateCompletionStreamResponse',
      headers: JOB_HEADERS,
    },
    errors: JOB_ERRORS,
  },
  {
    method: 'post',
    path: '/v1/embeddings',
    id: 'createEmbedding',
    tag: 'Embeddings',
    summary: 'Turns texts into vectors.',
    parameters: ['Idempotency-Key'],
    request: {
      schema: 'CreateEmbeddingRequest',
      example: { model: 'infernet-demo', input: 'A text' },
    },
    answer: {
      description: 'One vector per input, in their order.',
      json: 'CreateEmbeddingResponse',
      headers: JOB_HEADERS,
    },
    errors: JOB_ERRORS,
  },
  {
    method: 'post',
    path: '/v1/responses',
    id: 'createResponse',
    tag: 'Responses',
    summary: 'Answers an input, as JSON or as a stream of events.',
    parameters: ['Idempotency-Key'],
    request: {
      schema: 'CreateResponse',
      example: { model: 'infernet-demo', input: 'Count from 3 to 7', max_output_tokens: 16 },
    },
    answer: {
      description: 'The response; a stream of events with `stream: true`.',
      json: 'Response',
      events: 'ResponseStreamEvent',
      headers: JOB_HEADERS,
    },
    errors: JOB_ERRORS,
  },
  {
    method: 'post',
    path: '/v1/messages',
    id: 'createMessage',
    tag: 'Messages',
    summary: 'Answers a conversation, as JSON or as a stream of events.',
    parameters: ['Idempotency-Key'],
    request: {
      schema: 'CreateMessageRequest',
      example: { model: 'infernet-demo', max_tokens: 16, messages: hello },
    },
    answer: {
      description: 'The message; a stream of events with `stream: true`.',
      json: 'Message',
      events: 'MessageStreamEvent',
      headers: JOB_HEADERS,
    },
    errors: JOB_ERRORS,
    errorStyle: 'anthropic',
  },
]
