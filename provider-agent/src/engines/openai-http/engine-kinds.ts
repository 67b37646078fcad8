import type { EngineKind } from '@infernet/openai-compat/parameter-table'
import type { CapabilityName } from '@infernet/schemas/wire'
import { z } from 'zod'
import { FACTS_PAGES, type FactsPage } from './facts-page.ts'

/** A server that we can tell from others. `unknown` is any other that is OpenAI-compatible. */
export type ServerKind =
  | 'vllm'
  | 'llama-server'
  | 'sglang'
  | 'tgi'
  | 'ollama'
  | 'lm-studio'
  | 'unknown'

/** What is asked about a model, with a token each. */
export type QuestionName = 'chat' | 'tool' | 'schema' | 'continued' | 'completion' | 'vector'

/** A page beside `/v1` that only one kind of server has, and what has to be on it. */
export interface ServerSign {
  readonly path: string
  readonly shape: z.ZodType
}

/** What is known of a kind of server before it is asked anything. */
export interface ServerTraits {
  /** For the owner. */
  readonly name: string
  /** The owner's next step where it has no model. */
  readonly getsModels: string
  /** How it is spoken to. */
  readonly speaks: EngineKind
  /** Whom it names as the owner of a model. */
  readonly owner?: string
  /** What it names itself in the header `server`. */
  readonly header?: string
  readonly sign?: ServerSign
  /** It has all that it lists in memory; others load what is asked for. */
  readonly isLoaded: boolean
  readonly asks: readonly QuestionName[]
  /** Without an answer to each of these nothing is offered. The rest only takes away. */
  readonly needs: readonly QuestionName[]
  /** What it does with a model that generates, unless an answer or a page says otherwise. */
  readonly promises: readonly CapabilityName[]
  /** Where it tells more of a model, once that is loaded. */
  readonly facts: readonly FactsPage[]
  /** Its list tells when a model was put there: another time, another model, whatever its name. */
  readonly datesModels: boolean
  /** It can say how full it is. */
  readonly tellsLoad: boolean
  /** Fields of ours, or of the client, that it would take for mistakes. */
  readonly withholds: readonly string[]
}

const EACH = ['chat', 'continued', 'completion', 'vector'] as const
const USUAL = ['tools', 'json_schema', 'logprobs', 'seed'] as const

/** Of a server with its models in memory, which can be asked everything. */
const LOADED = {
  getsModels: 'start it with one',
  isLoaded: true,
  asks: EACH,
  needs: EACH,
  promises: [...USUAL, 'choices'],
  facts: [],
  datesModels: false,
  tellsLoad: true,
  withholds: [],
} as const satisfies Partial<ServerTraits>

/** Of one that may load a model of many gigabytes to answer. */
const LOADS = {
  getsModels: 'give it one',
  speaks: 'openai',
  isLoaded: false,
  asks: ['chat', 'completion'],
  needs: ['chat'],
  facts: [],
  datesModels: false,
  tellsLoad: false,
  withholds: [],
} as const satisfies Partial<ServerTraits>

/** By what each documents of itself. A new server is a row here. */
export const SERVER_TRAITS: Readonly<Record<ServerKind, ServerTraits>> = {
  vllm: {
    ...LOADED,
    name: 'vLLM',
    speaks: 'vllm',
    owner: 'vllm',
    // It refuses them where it was started without a parser for them.
    asks: [...EACH, 'tool'],
  },
  'llama-server': {
    ...LOADED,
    name: 'llama-server',
    speaks: 'llama-server',
    owner: 'llamacpp',
    header: 'llama.cpp',
    facts: [FACTS_PAGES.llamaServerProps],
  },
  // Takes vLLM's words and more.
  sglang: { ...LOADED, name: 'SGLang', speaks: 'openai', owner: 'sglang', asks: [...EACH, 'tool'] },
  tgi: {
    ...LOADED,
    name: 'TGI',
    speaks: 'openai',
    sign: {
      path: '/info',
      shape: z.looseObject({ model_id: z.string(), max_total_tokens: z.int(), router: z.string() }),
    },
    // No tool: it breaks a call off after a token, and calls that an error.
    asks: ['chat', 'schema', 'completion'],
    needs: ['chat'],
    // It documents `n` as unused.
    promises: USUAL,
    facts: [FACTS_PAGES.tgiInfo],
    // It wants a list of numbers, and uses none of them.
    withholds: ['logit_bias'],
  },
  ollama: {
    ...LOADS,
    name: 'Ollama',
    getsModels: 'ollama pull NAME',
    // Of models from its library; those of its users have their names.
    owner: 'library',
    sign: { path: '/api/version', shape: z.looseObject({ version: z.string() }) },
    promises: USUAL,
    facts: [FACTS_PAGES.ollamaShow, FACTS_PAGES.ollamaRunning],
    datesModels: true,
  },
  'lm-studio': {
    ...LOADS,
    name: 'LM Studio',
    getsModels: 'lms get NAME',
    sign: {
      path: '/api/v1/models',
      shape: z.looseObject({
        models: z.array(z.looseObject({ key: z.string(), loaded_instances: z.array(z.unknown()) })),
      }),
    },
    // Neither `logprobs` nor `n` is among the parameters that it documents.
    promises: ['tools', 'json_schema', 'seed'],
    facts: [FACTS_PAGES.lmStudioModels],
  },
  unknown: {
    ...LOADS,
    name: 'a server',
    asks: ['chat', 'tool', 'schema', 'completion'],
    promises: USUAL,
  },
}

const KINDS = Object.keys(SERVER_TRAITS) as ServerKind[]

/** The kind that a list of models gives away; undefined where it does not. */
export const kindOfList = (owner: string | undefined, header: string): ServerKind | undefined =>
  KINDS.find((kind) => SERVER_TRAITS[kind].header === header) ??
  KINDS.find((kind) => owner !== undefined && SERVER_TRAITS[kind].owner === owner)

/** The pages by which the other kinds are told apart, in the order in which they count. */
export const SERVER_SIGNS: readonly (ServerSign & { readonly kind: ServerKind })[] = KINDS.flatMap(
  (kind) => {
    const { sign } = SERVER_TRAITS[kind]
    return sign === undefined ? [] : [{ ...sign, kind }]
  },
)
