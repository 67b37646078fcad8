import { ENDPOINTS, type Endpoint } from '@infernet/schemas/wire'
import { z } from 'zod'
import { askEdgeJson, EdgeAskError, edgeUrl } from '../edge-api/ask-edge.ts'
import { askSelfTest } from '../edge-api/ask-self-test.ts'
import type { Identity } from '../identity.ts'
import { questionFor } from './ask-one.ts'
import { failed, ok, skipped, type Check, type Finding } from './check.ts'
import { noSelfTest, selfTestFinding } from './self-test.ts'
import { shellWord } from './shell-word.ts'

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
  /** An API key of the edge, which pays; without it the edge gives a job of its own. */
  readonly clientKey: string | undefined
  /** This provider's key, if it has one. */
  readonly identity: () => Identity | undefined
  /** Whether an agent with the same data runs here. */
  readonly isRunning: () => Promise<boolean>
  /** `--data DIR`, or nothing, for commands to type. */
  readonly dataFlag: string
  /** ms since the epoch. */
  readonly now: () => number
}

/** A real job through the edge to this provider's agent: one that the edge gives it to try, or a client's. */
export const jobCheck = (options: JobCheckOptions): Check => ({
  id: 'job',
  name: 'job',
  after: 'edge_websocket',
  limitMs: JOB_LIMIT_MS,
  async run(signal) {
    const { clientKey, dataFlag, edge, identity, now } = options
    if (edge === undefined) return skipped('not asked: name the edge with --edge')
    const own = identity()
    const run = `infernet-agent run --edge ${shellWord(edge)}${dataFlag}`
    if (own === undefined && clientKey === undefined) return skipped(`there is no key yet: ${run}`)
    if (own === undefined) return failed('there is no key yet', run)
    const asking = { edge, own, signal, now, run }
    if (clientKey === undefined) return tested(asking, await options.isRunning())
    try {
      return await sent({ ...asking, clientKey })
    } catch (error) {
      if (!(error instanceof EdgeAskError)) throw error
      return failed(
        error.message,
        'infernet-agent status says whether the agent is connected; and has the key credit?',
      )
    }
  },
})

interface Asking {
  readonly edge: string
  readonly own: Identity
  readonly signal: AbortSignal
  readonly now: () => number
  /** The command that starts the agent. */
  readonly run: string
}

async function tested({ edge, own, signal, now, run }: Asking, isRunning: boolean) {
  try {
    return selfTestFinding(await askSelfTest(edge, own, now(), signal), { isRunning, run })
  } catch (error) {
    if (!(error instanceof EdgeAskError)) throw error
    return noSelfTest(error)
  }
}

/** A client's request that nobody but this provider may answer. */
async function sent({
  clientKey,
  edge,
  own: { peer },
  now,
  run,
  signal,
}: Asking & { readonly clientKey: string }): Promise<Finding> {
  const headers = { authorization: `Bearer ${clientKey}`, 'content-type': 'application/json' }
  const ask = <T>(path: string, schema: z.ZodType<T>, body?: object): Promise<T> => {
    const sends = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    return askEdgeJson(edgeUrl(edge, path), schema, { headers, signal, ...sends })
  }
  const { online, models } = await ask(`/v1/providers/${peer}`, providerSchema)
  const [model] = models
  if (!online || model === undefined) return failed('this provider is not at the edge now', run)
  const [endpoint = 'chat.completions'] = model.endpoints
  const begun = now()
  const body = { model: model.id, ...questionFor(endpoint), provider: { only: [peer] } }
  const { usage } = await ask(PATHS[endpoint], answerSchema, body)
  const seconds = ((now() - begun) / 1000).toFixed(1)
  return ok(`${model.id} answered through the edge in ${seconds} s (${usage.total_tokens} tokens)`)
}
