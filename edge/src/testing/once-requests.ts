import { newJobId, type AccountId, type ApiKeyId } from '@infernet/schemas/ids'
import type { OnceRequest, StoredAnswer } from '../ports.ts'

/** A first run of a request with an idempotency key, at the start of 1970 unless `fields` say so. */
export const onceOf = (accountId: AccountId, fields: Partial<OnceRequest> = {}): OnceRequest => ({
  accountId,
  apiKeyId: 'key' as ApiKeyId,
  key: 'idempotency-key',
  fingerprint: 'f',
  job: newJobId(1),
  now: 0,
  ...fields,
})

/** An answer with this body. */
export const storedAnswer = (body: string | Uint8Array = '{}'): StoredAnswer => ({
  status: 200,
  contentType: 'application/json',
  headers: { 'x-request-id': 'req_1' },
  body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
})
