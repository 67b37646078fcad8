import type { PricedJobEndpoint } from '@infernet/openai-compat/priced-job-endpoints'
import { chatCompletions, completions, embeddings } from '../inference/openai-apis.ts'
import type { ParsedRequest } from '../inference/client-api.ts'

/** The requests of what can be ordered at a fixed price. `parse` throws ApiError for what is wrong with one. */
export const PRICED_JOB_APIS: Readonly<
  Record<PricedJobEndpoint, { parse(body: Uint8Array): ParsedRequest }>
> = {
  '/v1/chat/completions': chatCompletions,
  '/v1/completions': completions,
  '/v1/embeddings': embeddings,
}
