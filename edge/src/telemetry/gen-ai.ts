import type { Endpoint } from '@infernet/schemas/wire'

/** `gen_ai.provider.name`: who a client of ours would say answers it. */
export const PROVIDER_NAME = 'infernet'

const OPERATIONS: ReadonlyMap<string, string> = new Map<Endpoint, string>([
  ['chat.completions', 'chat'],
  ['completions', 'text_completion'],
  ['embeddings', 'embeddings'],
])

/** `gen_ai.operation.name` of an engine call (GenAI semantic conventions). */
export const operationName = (endpoint: string): string => OPERATIONS.get(endpoint) ?? endpoint
