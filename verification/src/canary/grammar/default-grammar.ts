import type { PromptGrammar } from './prompt-grammar.ts'
import { SENTENCES } from './sentences.ts'
import { TASKS } from './tasks.ts'
import { WORDS } from './words.ts'

/** Plain questions and tasks in many styles; ours, and written for this. */
export const DEFAULT_GRAMMAR: PromptGrammar = { rules: { ...WORDS, ...SENTENCES, ...TASKS } }
