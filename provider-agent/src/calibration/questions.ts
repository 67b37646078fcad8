import { MAX_GATEWAY_SEED } from '@infernet/schemas/limits'
import { nextPrompt } from '@infernet/verification/canary/prompt-source'
import { Mt19937 } from '@infernet/verification/random/mt19937'
import type { EngineModel, EngineRequest } from '../engines/engine.ts'

/** Prompts are as long as most of clients, all lengths on a logarithmic scale alike. UTF-16 units. */
const SHORTEST_CHARS = 40
const LONGEST_CHARS = 1_600
/** What a chat template may add. Tokens. */
const TEMPLATE_TOKENS = 64
/** What clients ask for where they care; noise shows more where more tokens are possible. */
const MIN_TEMPERATURE = 0.6
const MAX_TEMPERATURE = 1.2

/**
 * Chats as an agent gets them, without an end: prompts of our own text, other temperatures and seeds each
 * time, the engine's own cuts. The same `seed` (32 bits) asks the same.
 */
export function* questions(
  { id, contextLength }: Pick<EngineModel, 'id' | 'contextLength'>,
  { maxTokens, seed }: { readonly maxTokens: number; readonly seed: number },
): Generator<EngineRequest, never> {
  const twister = new Mt19937(seed)
  const random = (): number => twister.uniform()
  // No token of it has less than a character.
  const room = contextLength - maxTokens - TEMPLATE_TOKENS
  const longest = Math.max(SHORTEST_CHARS, Math.min(LONGEST_CHARS, room))
  while (true) {
    const promptChars = Math.round(SHORTEST_CHARS * (longest / SHORTEST_CHARS) ** random())
    const form = { promptChars, messages: 1, hasSystem: false }
    const messages = nextPrompt(form, { random, isUsed: () => false })
    const spread = MIN_TEMPERATURE + (MAX_TEMPERATURE - MIN_TEMPERATURE) * random()
    const temperature = Math.round(spread * 100) / 100
    yield {
      model: id,
      endpoint: 'chat.completions',
      continues: false,
      stream: true,
      include_usage: false,
      seed: Math.floor(random() * MAX_GATEWAY_SEED),
      max_output_tokens: maxTokens,
      body: Buffer.from(JSON.stringify({ model: id, messages, temperature, stream: true })),
    }
  }
}
