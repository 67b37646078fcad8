import type { ByteLevelBpe } from '@infernet/models/byte-level-bpe'
import type { Random } from '@infernet/models/prng'
import { PROMPT_TOKENS } from './setup.ts'

/** Beginnings from anywhere in texts that no model was trained on. */
export function promptSource(
  texts: readonly string[],
  tokenizer: ByteLevelBpe,
  random: Random,
): () => readonly number[] {
  const all = texts.flatMap((text) => tokenizer.encode(text, { control: 'text' }))
  return () => {
    const start = Math.floor(random() * (all.length - PROMPT_TOKENS))
    return all.slice(start, start + PROMPT_TOKENS)
  }
}
