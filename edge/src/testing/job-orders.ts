import { newJobId, type AccountId, type ApiKeyId, type RequestId } from '@infernet/schemas/ids'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import { plainRules } from '../hub/match-rules.ts'
import type { JobOrder } from '../ports.ts'

/** An order for a short streamed chat with the model `tiny`. */
export const orderOf = (fields: Partial<JobOrder> = {}): JobOrder => ({
  job: newJobId(Date.now()),
  requestId: 'req_1' as RequestId,
  accountId: 'acct_1' as AccountId,
  apiKeyId: 'key' as ApiKeyId,
  model: 'tiny',
  stream: true,
  continuable: false,
  includeUsage: false,
  n: 1,
  maxOutputTokens: 10,
  maxTokens: 20,
  messages: 1,
  rules: plainRules('chat.completions', { prompt: 1, completion: 1 }),
  holdMsat: 100,
  body: encodeUtf8('{}'),
  createdAt: Date.now(),
  ...fields,
})
