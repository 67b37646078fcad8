import type { AnswerUnderCheck } from './answer-under-check.ts'
import type { PlausibilityRules } from './rules.ts'

/**
 * `fail`: no honest provider's answer contradicts itself so. `suspicious`: rare for an honest one; a reason to
 * audit, never to punish. `note`: explains itself, or cannot be told.
 */
export type Severity = 'fail' | 'suspicious' | 'note'

export type CheckName =
  | 'prompt_ids'
  | 'ids_listed'
  | 'text'
  | 'usage'
  | 'ending'
  | 'eos_skipped'
  | 'implausible_tokens'
  | 'always_likeliest'
  | 'logprob_shape'
  | 'rounded_logprobs'
  | 'speed'

export interface Finding {
  readonly check: CheckName
  readonly severity: Severity
  /** For the operator; contains numbers of the answer but nothing of its text. */
  readonly detail: string
}

/** What is wrong with an answer by one rule; empty when nothing is, or when it cannot be told. */
export type Check = (answer: AnswerUnderCheck, rules: PlausibilityRules) => readonly Finding[]

/** A check's findings, made by severity. */
export function reporter(check: CheckName): Record<Severity, (detail: string) => Finding> {
  const at = (severity: Severity) => (detail: string) => ({ check, severity, detail })
  return { fail: at('fail'), suspicious: at('suspicious'), note: at('note') }
}
