import { signedHeaders } from '@infernet/schemas/provider-request'
import { selfTestRequest, selfTestSchema, type SelfTestJson } from '@infernet/schemas/self-test'
import type { Identity } from '../identity.ts'
import { askEdgeJson, edgeUrl } from './ask-edge.ts'

/**
 * Has the edge give the agent with this key one small unpaid job, signed at `now` (ms since the epoch). Resolves with
 * what the job has reached. Rejects with EdgeAskError.
 */
export async function askSelfTest(
  edge: string,
  identity: Identity,
  now: number,
  signal: AbortSignal,
): Promise<SelfTestJson> {
  const url = edgeUrl(edge, `/v1/providers/${identity.peer}/self-test`)
  const headers = signedHeaders(identity, selfTestRequest(new URL(url).hostname), now)
  return askEdgeJson(url, selfTestSchema, { method: 'POST', headers, signal })
}
