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
  // Ollama again: the prompt with all that its owner put before it, in place of an answer.
  '_debug_render_only',
  'ttl',
  'draft_model',
])

/** Prefixes of the same: llama.cpp takes `speculative.n_max` and its kin as flat keys. */
const DENIED_PREFIXES = ['speculative.', 'speculative_']

/** True for a field that must never come from a client to any engine, unless its table lists it. */
export function isDenied(name: string): boolean {
  return DENIED.has(name) || DENIED_PREFIXES.some((prefix) => name.startsWith(prefix))
}
