import { z } from 'zod'
import type { EngineConnection } from './engine-connection.ts'
import { askEngine, EngineQuestionError, parseJson } from './engine-question.ts'

const FACTS_MS = 5_000
/** Lists of models with their templates and licences. */
const MAX_FACTS_BYTES = 4 * 1024 * 1024

/** What a server tells of one of its models. */
export interface ModelFacts {
  /** Tokens that it gives the model, which may be fewer than the model was trained on. */
  readonly contextLength?: number
  /** Whether the model can be given tools. */
  readonly takesTools?: boolean
  /** Whether it goes on with a completion's prompt as it is; else the server makes a chat of it. */
  readonly goesOn?: boolean
  /** Another machine, to which the server would send what it is asked. */
  readonly elsewhere?: string
}

/** A page beside `/v1` with facts about a model. */
export interface FactsPage {
  readonly path: string
  /** POSTed; a GET without it. */
  readonly payload?: (model: string) => unknown
  /** Of what the page says; `model` is the server's own name. Empty where it does not tell. */
  readonly read: (page: unknown, model: string) => ModelFacts
}

const tokens = z.int().positive()

const propsSchema = z.object({ chat_template: z.string() })
const infoSchema = z.object({ max_total_tokens: tokens })
const showSchema = z.object({
  capabilities: z.array(z.string()).optional(),
  template: z.string().optional().catch(undefined),
  renderer: z.string().optional().catch(undefined),
  /** Of a model in its cloud. */
  remote_host: z.string().optional().catch(undefined),
})
const runningSchema = z.object({
  models: z.array(
    z.looseObject({
      name: z.string().optional(),
      model: z.string().optional(),
      context_length: tokens.optional().catch(undefined),
    }),
  ),
})
const lmStudioSchema = z.object({
  models: z.array(
    z.looseObject({
      key: z.string(),
      loaded_instances: z.array(
        z.looseObject({ id: z.string(), config: z.looseObject({ context_length: tokens }) }),
      ),
    }),
  ),
})

/** Ollama's template of a model that has none: the prompt itself. */
const PLAIN_PROMPT = /^\s*\{\{-?\s*\.Prompt\s*-?\}\}\s*$/

/** Ollama knows a model without a tag as its latest. */
const isOllamaModel = (name: string | undefined, model: string): boolean =>
  name === model || name === `${model}:latest`

const contextOf = (contextLength: number | undefined): ModelFacts =>
  contextLength === undefined ? {} : { contextLength }

/** As the servers document them. */
export const FACTS_PAGES = {
  llamaServerProps: {
    path: '/props',
    read(page) {
      const { data } = propsSchema.safeParse(page)
      return data === undefined ? {} : { takesTools: /\btools\b/.test(data.chat_template) }
    },
  },
  tgiInfo: {
    path: '/info',
    read: (page) => contextOf(infoSchema.safeParse(page).data?.max_total_tokens),
  },
  ollamaShow: {
    path: '/api/show',
    payload: (model) => ({ model }),
    read(page) {
      const { data } = showSchema.safeParse(page)
      const { capabilities, template, renderer, remote_host: host } = data ?? {}
      return {
        ...(template === undefined ? {} : { goesOn: PLAIN_PROMPT.test(template) && !renderer }),
        ...(capabilities === undefined ? {} : { takesTools: capabilities.includes('tools') }),
        ...(host ? { elsewhere: host } : {}),
      }
    },
  },
  // What it gives a model now: of longer prompts it drops the beginning, whatever the model could read.
  ollamaRunning: {
    path: '/api/ps',
    read(page, model) {
      const running = runningSchema.safeParse(page).data?.models ?? []
      const own = running.filter(
        (it) => isOllamaModel(it.name, model) || isOllamaModel(it.model, model),
      )
      // Names of the same weights share a process, which has the first one's. It has just answered: it is among them.
      const lengths = (own.length > 0 ? own : running).flatMap((it) => it.context_length ?? [])
      return contextOf(lengths.length === 0 ? undefined : Math.min(...lengths))
    },
  },
  lmStudioModels: {
    path: '/api/v1/models',
    read(page, model) {
      const listed = lmStudioSchema.safeParse(page).data?.models ?? []
      const instances = listed.flatMap(({ key, loaded_instances }) =>
        loaded_instances.filter(({ id }) => id === model || key === model),
      )
      const lengths = instances.map(({ config }) => config.context_length)
      return contextOf(lengths.length === 0 ? undefined : Math.min(...lengths))
    },
  },
} as const satisfies Readonly<Record<string, FactsPage>>

/** Reads what these pages tell of a model, a later one before an earlier. Never rejects. */
export async function modelFacts(
  engine: EngineConnection,
  pages: readonly FactsPage[],
  model: string,
  signal: AbortSignal,
): Promise<ModelFacts> {
  const told = await Promise.all(
    pages.map(async ({ path, payload, read }) =>
      read(await pageOf(engine, { path, payload: payload?.(model), signal }), model),
    ),
  )
  return Object.assign({}, ...told) as ModelFacts
}

export interface AskedPage {
  /** Beside `/v1`. */
  readonly path: string
  /** POSTed; a GET without it. */
  readonly payload?: unknown
  readonly signal: AbortSignal
}

/** The JSON of a page; undefined where there is none. Never rejects. */
export async function pageOf(
  engine: EngineConnection,
  { path, payload, signal }: AskedPage,
): Promise<unknown> {
  try {
    const { status, body } = await askEngine(engine, {
      path,
      payload,
      isBeside: true,
      probes: true,
      silenceMs: FACTS_MS,
      maxBytes: MAX_FACTS_BYTES,
      signal: AbortSignal.any([signal, AbortSignal.timeout(FACTS_MS)]),
    })
    return status === 200 ? parseJson(body) : undefined
  } catch (error) {
    if (error instanceof EngineQuestionError) return undefined
    throw error
  }
}
