import { chatCompletions, completions, embeddings } from '../inference/openai-apis.ts'
import type { ParsedRequest } from '../inference/client-api.ts'

/** What can be ordered at a fixed price: the calls that engines answer themselves. */
export const PRICED_JOB_ENDPOINTS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
] as const
export type PricedJobEndpoint = (typeof PRICED_JOB_ENDPOINTS)[number]

/** Their requests. `parse` throws ApiError for what is wrong with one. */
export const PRICED_JOB_APIS: Readonly<
  Record<PricedJobEndpoint, { parse(body: Uint8Array): ParsedRequest }>
> = {
  '/v1/chat/completions': chatCompletions,
  '/v1/completions': completions,
  '/v1/embeddings': embeddings,
}
