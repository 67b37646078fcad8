import { continuedBody } from '@infernet/openai-compat/continuation'
import type { JobOrder } from '../ports.ts'
import type { MatchRules } from './match-rules.ts'

/** What a provider is offered: the client's request, or the rest of an answer that another began. */
export interface JobTask {
  readonly body: Uint8Array
  readonly rules: MatchRules
  readonly maxOutputTokens: number
  readonly continues: boolean
}

/** The whole request, as the client sent it. */
export const wholeTask = ({ body, rules, maxOutputTokens }: JobOrder): JobTask => ({
  body,
  rules,
  maxOutputTokens,
  continues: false,
})

/**
 * What is left after `text` and at least `tokens` have been delivered. With no text yet it is the
 * whole request again, which any provider can take. Undefined when the rest makes no request; see
 * `continuedBody`.
 */
export function remainingTask(order: JobOrder, text: string, tokens: number): JobTask | undefined {
  if (text === '') return wholeTask(order)
  const { rules } = order
  const body = continuedBody(rules.endpoint, order.body, text)
  if (body === undefined) return undefined
  return {
    body,
    rules: { ...rules, needs: [...rules.needs, 'continue'] },
    maxOutputTokens: Math.max(1, order.maxOutputTokens - tokens),
    continues: true,
  }
}
