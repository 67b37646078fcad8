/** What can be ordered at a fixed price: the calls that engines answer themselves. */
export const PRICED_JOB_ENDPOINTS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
] as const
export type PricedJobEndpoint = (typeof PRICED_JOB_ENDPOINTS)[number]
