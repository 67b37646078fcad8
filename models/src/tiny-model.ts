import { tokenizerFromGguf, type ByteLevelBpe } from './byte-level-bpe.ts'
import { compileChatTemplate, type ChatRenderer } from './chat-template.ts'
import { checkLlamaGguf, type GgufSummary } from './gguf-check.ts'
import { readGgufHeader } from './gguf-reader.ts'
import { llamaConfigFromGguf, type LlamaConfig } from './llama-config.ts'
import { LlamaSequence, loadLlamaWeights } from './tiny-llama.ts'

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
export const MAX_TINY_PARAMETERS = 100_000_000

/**
 * Loads a GGUF file of architecture "llama" with F32, F16 or Q8_0 tensors and a byte-level BPE
 * tokenizer. @throws GgufError for anything else; ChatTemplateError for a template that does not
 * parse.
 */
export function loadTinyModel(file: Uint8Array): TinyModel {
  const summary = checkLlamaGguf(file, { maxParameters: MAX_TINY_PARAMETERS })
  const header = readGgufHeader(file)
  const config = llamaConfigFromGguf(header)
  const weights = loadLlamaWeights(file, header, config)
  const tokenizer = tokenizerFromGguf(header)
  const renderChat = compileChatTemplate(summary.chatTemplate ?? '', {
    bosToken: tokenOf(tokenizer, summary.bosToken),
    eosToken: tokenOf(tokenizer, summary.eosToken),
  })
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

function tokenOf(tokenizer: ByteLevelBpe, id: number | undefined): string {
  return id === undefined ? '' : (tokenizer.vocabulary.tokens[id] ?? '')
}
