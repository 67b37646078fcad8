/** How an engine is spoken to. `openai` is any OpenAI-compatible server that we know no better. */
export type EngineKind = 'openai' | 'vllm' | 'llama-server' | 'embedded'

const ALL: readonly EngineKind[] = ['openai', 'vllm', 'llama-server', 'embedded']
const SERVERS: readonly EngineKind[] = ['openai', 'vllm', 'llama-server']

/**
 * Every request parameter we know, with who acts on it:
 *
 * - `'edge'`: consumed by the edge or rebuilt by `engineRequest`; the client's value never reaches
 *   an engine. The end user's identifiers are here too: they are no business of a stranger's GPU.
 * - a list: the kinds of engine that get the client's value.
 *
 * The rule for what is *not* here: the edge forwards it to the agent untouched (OpenAI clients
 * rely on vendor extensions), and the agent sends it on only to a generic `openai` engine, only if
 * `isDenied` does not know it as dangerous. Engines we know by name get this table and no more.
 */
export const PARAMETERS: Readonly<Record<string, 'edge' | readonly EngineKind[]>> = {
  // Rebuilt by engineRequest.
  model: 'edge',
  messages: 'edge',
  stream: 'edge',
  stream_options: 'edge',
  max_tokens: 'edge',
  max_completion_tokens: 'edge',
  chat_template_kwargs: 'edge',
  // Marketplace.
  provider: 'edge',
  models: 'edge',
  verify: 'edge',
  route: 'edge',
  transforms: 'edge',
  plugins: 'edge',
  usage: 'edge',
  session_id: 'edge',
  // About the customer, not about the text.
  user: 'edge',
  metadata: 'edge',
  safety_identifier: 'edge',
  prompt_cache_key: 'edge',
  service_tier: 'edge',
  store: 'edge',
  moderation: 'edge',
  // Sampling.
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
  top_logprobs: ALL,
  // Shape of the answer.
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
}

/**
 * Fields that let a client harm a provider or its other customers, each by engine family. They
 * are dropped in silence: most clients that send them set them globally and can live without.
 */
const DENIED: ReadonlySet<string> = new Set([
  // Assigned as an object key this would set a prototype.
  '__proto__',
  // Grammars and templates are programs: exponential parsers, endless loops.
  'grammar',
  'grammar_lazy',
  'grammar_triggers',
  'preserved_tokens',
  'json_schema',
  'chat_template',
  'chat_parser',
  'custom_logit_processor',
  'custom_params',
  'regex',
  'ebnf',
  'structured_outputs',
  'guided_json',
  'guided_regex',
  'guided_choice',
  'guided_grammar',
  'guided_decoding_backend',
  'logits_processors',
  // llama.cpp: other customers' slots and caches, unbounded work, replies of 10 KB a token.
  'id_slot',
  'slot_id',
  'cache_prompt',
  'samplers',
  'lora',
  'n_probs',
  'n_predict',
  'n_keep',
  'n_discard',
  'n_indent',
  'n_cache_reuse',
  'n_cmpl',
  'ignore_eos',
  't_max_predict_ms',
  'post_sampling_probs',
  'return_tokens',
  'return_progress',
  'timings_per_token',
  'response_fields',
  'verbose',
  'prompt',
  'input_prefix',
  'input_suffix',
  // vLLM: scheduling, cache isolation, cross-node transfers, huge replies.
  'priority',
  'cache_salt',
  'request_id',
  'kv_transfer_params',
  'ec_transfer_params',
  'vllm_xargs',
  'mm_processor_kwargs',
  'media_io_kwargs',
  'prompt_embeds',
  'prompt_logprobs',
  'logprob_token_ids',
  'return_token_ids',
  'return_tokens_as_token_ids',
  'return_prompt_text',
  'stream_interval',
  'echo',
  'add_generation_prompt',
  'continue_final_message',
  'add_special_tokens',
  'documents',
  // SGLang: addresses to connect to, adapters by path.
  'bootstrap_host',
  'bootstrap_port',
  'bootstrap_room',
  'data_parallel_rank',
  'lora_path',
  'rid',
  'extra_key',
  'return_hidden_states',
  // Ollama, LM Studio: pin or reload models in the provider's memory.
  'keep_alive',
  'options',
  'template',
  'raw',
  'ttl',
  'draft_model',
])

/** Prefixes of the same: llama.cpp takes `speculative.n_max` and its kin as flat keys. */
const DENIED_PREFIXES = ['speculative.', 'speculative_']

/** True for a field that must never come from a client to any engine. */
export function isDenied(name: string): boolean {
  return DENIED.has(name) || DENIED_PREFIXES.some((prefix) => name.startsWith(prefix))
}

/** True if the client's value of this field goes to an engine of this kind. */
export function reachesEngine(name: string, kind: EngineKind): boolean {
  if (isDenied(name)) return false
  const rule = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined
  if (rule === undefined) return kind === 'openai'
  return rule !== 'edge' && rule.includes(kind)
}
