import type { PeerId } from '@infernet/schemas/peer-id'
import { ENDPOINTS, type Endpoint } from '@infernet/schemas/wire'
import { z } from 'zod'
import { askEdgeJson, EdgeAskError, edgeUrl } from '../edge-api/ask-edge.ts'
import { questionFor } from './ask-one.ts'
import { failed, ok, skipped, type Check, type Finding } from './check.ts'

/** A queue, a cold model, an answer. */
const JOB_LIMIT_MS = 60_000

const PATHS: Readonly<Record<Endpoint, string>> = {
  'chat.completions': '/v1/chat/completions',
  completions: '/v1/completions',
  embeddings: '/v1/embeddings',
}

const providerSchema = z.looseObject({
  online: z.boolean(),
  models: z.array(z.looseObject({ id: z.string(), endpoints: z.array(z.enum(ENDPOINTS)) })),
})
const answerSchema = z.looseObject({
  usage: z.looseObject({ prompt_tokens: z.number(), total_tokens: z.number() }),
})

export interface JobCheckOptions {
  readonly edge: string | undefined
  /** An API key of the edge, which pays. */
  readonly clientKey: string | undefined
  /** This provider's name, if it has one. */
  readonly peer: () => PeerId | undefined
  readonly now: () => number
}

/** A client's request that nobody but this provider may answer. */
export const jobCheck = (options: JobCheckOptions): Check => ({
  id: 'job',
  name: 'job',
  after: 'edge_websocket',
  limitMs: JOB_LIMIT_MS,
  async run(signal) {
    const { edge, clientKey, peer } = options
    if (edge === undefined || clientKey === undefined) {
      return skipped('not asked: --client-key KEY sends one through the edge, and pays for it')
    }
    const own = peer()
    if (own === undefined) return failed('there is no key yet', 'infernet-agent run --edge URL')
    try {
      return await sent({ edge, own, clientKey, signal, now: options.now })
    } catch (error) {
      if (!(error instanceof EdgeAskError)) throw error
      return failed(
        error.message,
        'infernet-agent status says whether the agent is connected; and has the key credit?',
      )
    }
  },
})

interface Sending {
  readonly edge: string
  readonly own: PeerId
  readonly clientKey: string
  readonly signal: AbortSignal
  readonly now: () => number
}

async function sent({ edge, own, clientKey, signal, now }: Sending): Promise<Finding> {
  const headers = { authorization: `Bearer ${clientKey}`, 'content-type': 'application/json' }
  const ask = <T>(path: string, schema: z.ZodType<T>, body?: object): Promise<T> => {
    const sends = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    return askEdgeJson(edgeUrl(edge, path), schema, { headers, signal, ...sends })
  }
  const { online, models } = await ask(`/v1/providers/${own}`, providerSchema)
  const [model] = models
  if (!online || model === undefined) {
    return failed('this provider is not at the edge now', `infernet-agent run --edge ${edge}`)
  }
  const [endpoint = 'chat.completions'] = model.endpoints
  const begun = now()
  const body = { model: model.id, ...questionFor(endpoint), provider: { only: [own] } }
  const { usage } = await ask(PATHS[endpoint], answerSchema, body)
  const seconds = ((now() - begun) / 1000).toFixed(1)
  return ok(`${model.id} answered through the edge in ${seconds} s (${usage.total_tokens} tokens)`)
}
