import { jsonContent } from './components.ts'
import { ALWAYS, headerRefs } from './headers.ts'
import { LOOK_ERRORS, type Operation } from './operation.ts'

/** Jobs of a fixed price. */
export const PRICED_JOB_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/jobs',
    id: 'createJob',
    tag: 'Jobs',
    summary: 'Orders a request at a fixed price, which is paid by a hold invoice.',
    parameters: ['Idempotency-Key'],
    request: {
      schema: 'CreateJob',
      example: {
        endpoint: '/v1/chat/completions',
        body: {
          model: 'qwen3-0.6b',
          messages: [{ role: 'user', content: 'Say hello.' }],
          max_completion_tokens: 100,
        },
      },
    },
    others: {
      201: {
        description: 'The job; `invoice` is the invoice to pay.',
        headers: headerRefs(ALWAYS),
        content: jsonContent('Job'),
      },
    },
    errors: [...LOOK_ERRORS, 403, 404, 409, 413, 415, 429],
  },
  {
    method: 'get',
    path: '/v1/jobs',
    id: 'listJobs',
    tag: 'Jobs',
    summary: 'The latest jobs of the account, without their results.',
    parameters: ['limit'],
    answer: { description: 'The latest first.', json: 'JobList' },
    errors: [...LOOK_ERRORS, 403],
  },
  {
    method: 'post',
    path: '/v1/jobs/quotes',
    id: 'quoteJob',
    tag: 'Jobs',
    summary: 'What computing that is not counted in tokens would cost. Nothing is ordered.',
    request: {
      schema: 'CreateComputeQuote',
      example: { kind: 'compute', gpu_seconds: 3600, memory_gib: 80 },
    },
    answer: { description: 'The price.', json: 'ComputeQuote' },
    errors: [...LOOK_ERRORS, 403, 413, 415],
  },
  {
    method: 'get',
    path: '/v1/jobs/{priced_job}',
    id: 'getJob',
    tag: 'Jobs',
    summary: 'One job, its payment, and its result once there is one.',
    parameters: ['priced_job'],
    answer: { description: 'The job.', json: 'Job' },
    errors: [...LOOK_ERRORS, 403, 404],
  },
  {
    method: 'post',
    path: '/v1/jobs/{priced_job}/cancel',
    id: 'cancelJob',
    tag: 'Jobs',
    summary: 'Withdraws a job that has not ended: it stops, and its payment goes back.',
    parameters: ['priced_job'],
    answer: { description: 'The job.', json: 'Job' },
    errors: [...LOOK_ERRORS, 403, 404, 409],
  },
]
