import type { ByteLevelBpe } from '../byte-level-bpe.ts'
import type { ChatRenderer } from '../chat-template.ts'
import type { Conversation } from '../corpus/conversation.ts'
import type { Document } from './batch.ts'

/**
 * A conversation as tokens, rendered by the chat template the model ships with. Only what the
 * assistant says is trained, its closing `<|im_end|>` included.
 */
export function toDocument(
  conversation: Conversation,
  render: ChatRenderer,
  tokenizer: ByteLevelBpe,
): Document {
  const tokens = tokenizer.encode(render({ ...conversation, addGenerationPrompt: false }))
  const opening = tokenizer.encode('<|im_start|>assistant\n')
  const end = tokenizer.idOf('<|im_end|>')
  const trained: boolean[] = []
  let inAnswer = false
  for (const [i, token] of tokens.entries()) {
    trained.push(inAnswer)
    if (token === end) inAnswer = false
    const from = i + 1 - opening.length
    if (opening.every((expected, j) => tokens[from + j] === expected)) inAnswer = true
  }
  return { tokens, trained }
}
