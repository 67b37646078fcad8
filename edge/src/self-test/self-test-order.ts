import { newJobId, newRequestId, type AccountId, type ApiKeyId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import type { Endpoint, ModelOffer } from '@infernet/schemas/wire'
import { plainRules } from '../hub/match-rules.ts'
import type { JobOrder } from '../ports.ts'
import { SELF_TEST_TOKENS } from './self-test-limits.ts'

const WORDS = 'Say hello.'
/** Nobody pays for it, so that it belongs to no account. */
const NOBODY = { accountId: '' as AccountId, apiKeyId: '' as ApiKeyId }

/** A job that only this provider may have, as small as one can be, for nothing. `now` in ms since the epoch. */
export function selfTestOrder(provider: PeerId, offer: ModelOffer, now: number): JobOrder {
  const endpoint = offer.endpoints[0] ?? 'chat.completions'
  const stream = endpoint !== 'embeddings'
  return {
    ...NOBODY,
    job: newJobId(now),
    requestId: newRequestId(now),
    model: offer.id,
    stream,
    continuable: false,
    includeUsage: false,
    n: 1,
    maxOutputTokens: SELF_TEST_TOKENS,
    maxTokens: WORDS.length + SELF_TEST_TOKENS,
    messages: 1,
    // By what it asks of clients, or else its own offer would be too dear for it.
    rules: { ...plainRules(endpoint, offer.price), only: [provider], allowFallbacks: false },
    verification: { mode: 'none', isOpen: false },
    isSelfTest: true,
    holdMsat: 0,
    body: encodeUtf8(JSON.stringify({ model: offer.id, ...questionFor(endpoint) })),
    createdAt: now,
  }
}

function questionFor(endpoint: Endpoint): object {
  if (endpoint === 'embeddings') return { input: WORDS }
  const asked = endpoint === 'completions' ? { prompt: WORDS } : { messages: [user(WORDS)] }
  return { ...asked, stream: true, max_tokens: SELF_TEST_TOKENS }
}

const user = (content: string) => ({ role: 'user', content })
