import type { Price } from '@infernet/schemas/wire'
import { z } from 'zod'
import { askEdgeJson, edgeUrl } from './ask-edge.ts'

/** Providers of one model; an edge has at most some thousands. */
const MAX_PROVIDERS = 10_000

/** Msat for a token, with up to six decimals: msat per million tokens are whole. */
const perToken = z
  .string()
  .regex(/^\d{1,10}(\.\d{1,6})?$/)
  .transform((text) => Math.round(Number(text) * 1e6))

const endpointsSchema = z.looseObject({
  data: z.looseObject({
    endpoints: z
      .array(
        z.looseObject({
          provider_name: z.string(),
          pricing: z.looseObject({ prompt: perToken, completion: perToken }),
        }),
      )
      .max(MAX_PROVIDERS),
  }),
})

/** What a provider of a model asks, in msat per million tokens. */
export interface AskedPrice {
  readonly peer: string
  readonly price: Price
}

/**
 * What those ask who serve a model at an edge now. Edges tell it to who has a key of theirs. Rejects with
 * `EdgeAskError`: `refused` also where nobody serves it.
 */
export async function askPrices(
  edge: string,
  clientKey: string | undefined,
  model: string,
  signal: AbortSignal,
): Promise<AskedPrice[]> {
  const path = model.split('/').map(encodeURIComponent).join('/')
  const headers = clientKey === undefined ? {} : { authorization: `Bearer ${clientKey}` }
  const url = edgeUrl(edge, `/v1/models/${path}/endpoints`)
  const { data } = await askEdgeJson(url, endpointsSchema, { headers, signal })
  return data.endpoints.map(({ provider_name: peer, pricing: { prompt, completion } }) => ({
    peer,
    price: { prompt, completion },
  }))
}
