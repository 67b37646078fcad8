import type { CapabilityName, Endpoint } from '@infernet/schemas/wire'
import { isDenied } from './denied-parameters.ts'

/** How an engine is spoken to. `openai` is any OpenAI-compatible server that we know no better. */
export type EngineKind = 'openai' | 'vllm' | 'llama-server' | 'embedded'

const ALL: readonly EngineKind[] = ['openai', 'vllm', 'llama-server', 'embedded']
const SERVERS: readonly EngineKind[] = ['openai', 'vllm', 'llama-server']

type ParameterTable = Readonly<Record<string, 'edge' | readonly EngineKind[]>>

/**
 * About the market and the customer, not about the answer; and what the endpoints are asked with,
 * which is rebuilt where it belongs. Elsewhere it could slip past its checks: vLLM embeds
 * `messages`, remote images included, in place of an `input`.
 */
const NEVER: ParameterTable = {
  messages: 'edge',
  prompt: 'edge',
  input: 'edge',
  stream: 'edge',
  stream_options: 'edge',
  model: 'edge',
  provider: 'edge',
  models: 'edge',
  verify: 'edge',
  route: 'edge',
  transforms: 'edge',
  plugins: 'edge',
  usage: 'edge',
  session_id: 'edge',
  user: 'edge',
  metadata: 'edge',
  safety_identifier: 'edge',
  prompt_cache_key: 'edge',
  service_tier: 'edge',
  store: 'edge',
  moderation: 'edge',
}

const SAMPLING: ParameterTable = {
  max_tokens: 'edge',
  temperature: ALL,
  top_p: ALL,
  top_k: ALL,
  min_p: ALL,
  presence_penalty: ALL,
  frequency_penalty: ALL,
  repetition_penalty: ['openai', 'vllm', 'embedded'],
  repeat_penalty: ['openai', 'llama-server', 'embedded'],
  seed: ALL,
  stop: ALL,
  stop_token_ids: ['openai', 'vllm'],
  min_tokens: ['openai', 'vllm'],
  logit_bias: ALL,
  n: SERVERS,
  logprobs: ALL,
}

/**
 * Every request parameter we know, by endpoint, with who acts on it:
 *
 * - `'edge'`: consumed by the edge or rebuilt by `engine-request.ts`; the client's value never
 *   reaches an engine. The end user's identifiers are here too: they are no business of a
 *   stranger's GPU.
 * - a list: the kinds of engine that get the client's value.
 *
 * The rule for what is *not* here: the edge forwards it to the agent untouched (OpenAI clients
 * rely on vendor extensions), and the agent sends it on only to a generic `openai` engine, only if
 * `isDenied` does not know it as dangerous and it names no address or file. Engines we know by name get this table and no more.
 */
export const PARAMETERS: Readonly<Record<Endpoint, ParameterTable>> = {
  'chat.completions': {
    ...NEVER,
    ...SAMPLING,
    max_completion_tokens: 'edge',
    chat_template_kwargs: 'edge',
    top_logprobs: ALL,
    tools: ALL,
    tool_choice: ALL,
    parallel_tool_calls: ALL,
    functions: SERVERS,
    function_call: SERVERS,
    response_format: ALL,
    reasoning_effort: SERVERS,
    thinking_token_budget: ['openai', 'vllm'],
    verbosity: ['openai'],
    modalities: ['openai'],
    audio: ['openai'],
    prediction: ['openai'],
    web_search_options: ['openai'],
  },
  completions: {
    ...NEVER,
    ...SAMPLING,
    // Equal to `n` in every request that is accepted, and llama-server refuses its very name.
    best_of: 'edge',
    suffix: ['openai'],
    echo: ['openai', 'vllm'],
  },
  embeddings: {
    ...NEVER,
    encoding_format: 'edge',
    dimensions: ['openai', 'vllm'],
  },
}

/** Whether it is a parameter that we know. */
export const isListed = (endpoint: Endpoint, name: string): boolean =>
  Object.hasOwn(PARAMETERS[endpoint], name)

/** True if the client's value of this field goes to an engine of this kind. */
export function reachesEngine(endpoint: Endpoint, name: string, kind: EngineKind): boolean {
  const table = PARAMETERS[endpoint]
  const rule = isListed(endpoint, name) ? table[name] : undefined
  if (rule !== undefined) return rule !== 'edge' && rule.includes(kind)
  return kind === 'openai' && !isDenied(name)
}

/** Rebuilt or read by us, and so supported by whatever engine it is. */
const ALWAYS: Readonly<Record<Endpoint, readonly string[]>> = {
  'chat.completions': ['max_tokens', 'max_completion_tokens'],
  completions: ['max_tokens'],
  embeddings: ['encoding_format'],
}

/** Parameters that mean nothing to a model which lacks a capability. */
const CAPABILITY_OF: Readonly<Record<string, CapabilityName>> = {
  tools: 'tools',
  tool_choice: 'tools',
  parallel_tool_calls: 'tools',
  response_format: 'json_schema',
  logprobs: 'logprobs',
  top_logprobs: 'logprobs',
  seed: 'seed',
  n: 'choices',
}

/**
 * The parameters, sorted, that a model with these endpoints and capabilities heeds whichever engine
 * it runs on: OpenRouter's `supported_parameters`.
 */
export function supportedParameters(
  endpoints: readonly Endpoint[],
  capabilities: readonly string[],
): string[] {
  const names = new Set<string>()
  for (const endpoint of endpoints) {
    for (const name of ALWAYS[endpoint]) names.add(name)
    for (const [name, rule] of Object.entries(PARAMETERS[endpoint])) {
      const capability = CAPABILITY_OF[name]
      if (capability === undefined ? rule === ALL : capabilities.includes(capability)) {
        names.add(name)
      }
    }
  }
  // OpenRouter's own word for a response_format with a schema.
  if (names.has('response_format')) names.add('structured_outputs')
  return [...names].sort()
}
