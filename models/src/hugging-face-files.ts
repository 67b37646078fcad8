import type { ByteLevelBpe } from './byte-level-bpe.ts'
import { readGgufHeader } from './gguf-reader.ts'
import { huggingFaceTensors } from './hugging-face-tensors.ts'
import { writeSafetensors } from './safetensors.ts'
import { loadTinyModel, type TinyModel } from './tiny-model.ts'

/** GPT-2's way with text, as the tokenizers library names it. */
const BYTE_LEVEL = {
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: true,
} as const

/**
 * A model's folder as vLLM and transformers read it, by file name, made of a whole GGUF file: the same weights,
 * unpacked to 32-bit floats, the same tokenizer and chat template. The same GGUF gives the same bytes.
 * @throws what `loadTinyModel` throws.
 */
export function huggingFaceFiles(file: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const model = loadTinyModel(file)
  const header = readGgufHeader(file)
  return new Map([
    ['config.json', json(configOf(model, header.tensors.has('output.weight')))],
    ['generation_config.json', json(endings(model))],
    ['tokenizer.json', json(tokenizerOf(model.tokenizer))],
    ['tokenizer_config.json', json(tokenizerConfigOf(model))],
    ['model.safetensors', writeSafetensors(huggingFaceTensors(file, header, model.config))],
  ])
}

const json = (value: object): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(value, undefined, 2)}\n`)

function configOf({ config, summary, endTokens }: TinyModel, hasOutput: boolean): object {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    dtype: 'float32',
    vocab_size: config.vocabSize,
    hidden_size: config.width,
    intermediate_size: config.hidden,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headWidth,
    hidden_act: 'silu',
    max_position_embeddings: config.contextLength,
    rms_norm_eps: config.rmsEpsilon,
    rope_theta: config.ropeBase,
    tie_word_embeddings: !hasOutput,
    ...endings({ summary, endTokens }),
  }
}

/** What ends an answer: the first is what the tokenizer calls its end. */
function endings({ summary, endTokens }: Pick<TinyModel, 'summary' | 'endTokens'>): object {
  const { bosToken } = summary
  return {
    ...(bosToken === undefined ? {} : { bos_token_id: bosToken }),
    eos_token_id: [...endTokens],
  }
}

function tokenizerOf({ vocabulary: { tokens, merges, controlTokens } }: ByteLevelBpe): object {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [...controlTokens].map((id) => ({
      id,
      content: tokens[id],
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: BYTE_LEVEL,
    post_processor: null,
    decoder: BYTE_LEVEL,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map((merge) => merge.split(' ')),
    },
  }
}

function tokenizerConfigOf({ config, summary, tokenizer }: TinyModel): object {
  const { chatTemplate, bosToken, eosToken } = summary
  const { tokens } = tokenizer.vocabulary
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    model_max_length: config.contextLength,
    clean_up_tokenization_spaces: false,
    ...(bosToken === undefined ? {} : { bos_token: tokens[bosToken] }),
    ...(eosToken === undefined ? {} : { eos_token: tokens[eosToken] }),
    ...(chatTemplate === undefined ? {} : { chat_template: chatTemplate }),
  }
}
