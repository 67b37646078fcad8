import type { JobRecord } from '@infernet/schemas/job-record'
import type { PeerId } from '@infernet/schemas/peer-id'
import { decodeUtf8 } from '@infernet/schemas/utf8'
import { isOpenOrder } from '../hub/open-order.ts'
import type { JobOrder } from '../ports.ts'
import { MAX_PROMPT_BYTES } from './canary-limits.ts'
import type { CanaryPrompt } from './canary-port.ts'

/**
 * The request as it may be asked again at `now` (ms since the epoch): its client agreed, one provider alone has seen
 * it and has answered it well, and an audit can judge such an answer. Undefined for any other, and where its client
 * wants only providers that keep nothing.
 */
export function canaryPromptOf(
  order: JobOrder,
  { status, providerId, attempts }: JobRecord,
  now: number,
): CanaryPrompt | undefined {
  const { verification, body, n, rules, model, job } = order
  if (!isOpenOrder(order) || verification?.mode === 'canary') return undefined
  if (status !== 'completed' || providerId === null || attempts !== 1) return undefined
  const { endpoint } = rules
  if (endpoint === 'embeddings' || n !== 1 || body.length > MAX_PROMPT_BYTES) return undefined
  return { job, endpoint, model, body: decodeUtf8(body), provider: providerId as PeerId, at: now }
}
