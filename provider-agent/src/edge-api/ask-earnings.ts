import {
  earningsRequest,
  providerEarningsSchema,
  type ProviderEarningsJson,
} from '@infernet/schemas/provider-earnings'
import { signedHeaders } from '@infernet/schemas/provider-request'
import type { Identity } from '../identity.ts'
import { askEdgeJson, edgeUrl } from './ask-edge.ts'

/**
 * What the edge owes and has paid to whom this key belongs, signed at `now` (ms since the epoch). Rejects with
 * EdgeAskError, also when `signal` aborts.
 */
export async function askEarnings(
  edge: string,
  identity: Identity,
  now: number,
  signal?: AbortSignal,
): Promise<ProviderEarningsJson> {
  const url = edgeUrl(edge, `/v1/providers/${identity.peer}/earnings`)
  const headers = signedHeaders(identity, earningsRequest(new URL(url).hostname), now)
  return askEdgeJson(url, providerEarningsSchema, { headers, ...(signal && { signal }) })
}
