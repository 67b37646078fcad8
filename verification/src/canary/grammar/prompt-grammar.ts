import { CanaryError } from '../canary-error.ts'

/**
 * Rules to write prompts by: `{name}` in a pattern stands for any pattern of that rule. Whoever knows the grammar can
 * train against it, so an operator adds rules and words of its own to ours, which are public.
 */
export interface PromptGrammar {
  readonly rules: Readonly<Record<string, readonly string[]>>
}

/** Where prompts start: a request; a sentence of text to work on; an assistant's earlier turn; instructions. */
export const START_RULES = ['short', 'task', 'sentence', 'answer', 'system'] as const
export type StartRule = (typeof START_RULES)[number]

/** Rules within rules; ours take five. */
const MAX_DEPTH = 12

const PLACEHOLDER = /\{(\w+)\}/g

/** One text of a rule. Throws {@link CanaryError} `bad_grammar`; never for a grammar that passed {@link checkGrammar}. */
export function expand(grammar: PromptGrammar, rule: string, random: () => number): string {
  return expandRule(grammar, rule, random, 0)
}

function expandRule(
  grammar: PromptGrammar,
  rule: string,
  random: () => number,
  depth: number,
): string {
  const patterns = grammar.rules[rule] ?? []
  const pattern = patterns[Math.floor(random() * patterns.length)]
  if (pattern === undefined || depth > MAX_DEPTH)
    throw new CanaryError('bad_grammar', `no text of the rule '${rule}'`)
  return pattern.replace(PLACEHOLDER, (_, name: string) =>
    expandRule(grammar, name, random, depth + 1),
  )
}

/** Throws {@link CanaryError} `bad_grammar` unless every rule exists and ends. */
export function checkGrammar(grammar: PromptGrammar): void {
  for (const rule of START_RULES) checkRule(grammar, rule, 0, new Map())
}

/** `passed` has the depth at which a rule was found to end: it need not be walked again from a lesser one. */
function checkRule(
  { rules }: PromptGrammar,
  rule: string,
  depth: number,
  passed: Map<string, number>,
): void {
  const patterns = rules[rule] ?? []
  if (patterns.length === 0) throw new CanaryError('bad_grammar', `the rule '${rule}' is empty`)
  if (depth > MAX_DEPTH) throw new CanaryError('bad_grammar', `the rule '${rule}' may never end`)
  if (depth <= (passed.get(rule) ?? -1)) return
  for (const pattern of patterns)
    for (const [, name = ''] of pattern.matchAll(PLACEHOLDER))
      checkRule({ rules }, name, depth + 1, passed)
  passed.set(rule, depth)
}
