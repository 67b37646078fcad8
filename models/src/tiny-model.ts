import { tokenizerFromGguf, type ByteLevelBpe } from './byte-level-bpe.ts'
import { ChatTemplateError, compileChatTemplate, type ChatRenderer } from './chat-template.ts'
import { checkLlamaGguf, type GgufSummary } from './gguf-check.ts'
import { GgufError, type GgufHeader } from './gguf-format.ts'
import { readGgufHeader } from './gguf-reader.ts'
import { llamaConfigFromGguf, llamaTensorShapes, type LlamaConfig } from './llama-config.ts'
import { loadLlamaWeights } from './llama-weights.ts'
import { LlamaSequence } from './tiny-llama.ts'

/** A llama model small enough to run in plain TypeScript, loaded and ready. */
export type TinyModel = {
  readonly summary: GgufSummary
  readonly config: LlamaConfig
  readonly tokenizer: ByteLevelBpe
  /** Renders conversations with the chat template the file carries. */
  readonly renderChat: ChatRenderer
  /** Tokens that end an answer. */
  readonly endTokens: ReadonlySet<number>
  /** A fresh sequence of at most `capacity` tokens (default: the model's context length). */
  newSequence(capacity?: number): LlamaSequence
}

/** Models above this are better served by llama.cpp; plain TypeScript needs 4 bytes a weight. */
const MAX_TINY_PARAMETERS = 100_000_000

/**
 * Loads a GGUF file of architecture "llama" with F32, F16, Q8_0, Q5_0 or Q4_0 tensors and a byte-level BPE
 * tokenizer. @throws GgufError for anything else; ChatTemplateError for a template that does not
 * parse.
 */
export function loadTinyModel(file: Uint8Array): TinyModel {
  const summary = checkLlamaGguf(file, { maxParameters: MAX_TINY_PARAMETERS })
  const header = readGgufHeader(file)
  if (summary.architecture !== 'llama') {
    throw new GgufError('unsupported', `architecture ${summary.architecture}`)
  }
  const config = llamaConfigFromGguf(header)
  refuseExtras(header, config)
  const weights = loadLlamaWeights(file, header, config)
  const tokenizer = tokenizerFromGguf(header)
  const renderChat = chatRenderer(summary, tokenizer)
  const ends = [summary.eosToken, tokenizer.idOf('<|endoftext|>'), tokenizer.idOf('<|im_end|>')]
  return {
    summary,
    config,
    tokenizer,
    renderChat,
    endTokens: new Set(ends.filter((id) => id !== undefined)),
    newSequence: (capacity) => new LlamaSequence(config, weights, capacity),
  }
}

/**
 * Biases, experts, long-context frequency tables and scaled rotations change the arithmetic; a
 * model that has them must not be run as if it had not.
 */
function refuseExtras(header: GgufHeader, config: LlamaConfig): void {
  const known = new Set(llamaTensorShapes(config).map(({ name }) => name)).add('output.weight')
  for (const name of header.tensors.keys()) {
    if (!known.has(name)) throw new GgufError('unsupported', `cannot compute with ${name}`)
  }
  const scaling = header.metadata.get('llama.rope.scaling.type') ?? 'none'
  const rotated = header.metadata.get('llama.rope.dimension_count') ?? config.headWidth
  if (scaling !== 'none' || rotated !== config.headWidth) {
    throw new GgufError('unsupported', 'cannot compute scaled or partial rotary embeddings')
  }
}

function chatRenderer(summary: GgufSummary, tokenizer: ByteLevelBpe): ChatRenderer {
  if (summary.chatTemplate === undefined) {
    return () => {
      throw new ChatTemplateError('the model has no chat template')
    }
  }
  return compileChatTemplate(summary.chatTemplate, {
    bosToken: tokenOf(tokenizer, summary.bosToken),
    eosToken: tokenOf(tokenizer, summary.eosToken),
  })
}

function tokenOf(tokenizer: ByteLevelBpe, id: number | undefined): string {
  return id === undefined ? '' : (tokenizer.vocabulary.tokens[id] ?? '')
}
