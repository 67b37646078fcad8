import { StopMatcher } from '@infernet/openai-compat/stop-sequences'
import type { SentRequest } from './server-tokenizer.ts'

/** Fields with which a server may take an answer apart, or show what is no text of its tokens. */
const PARSING_FIELDS = [
  'tools',
  'functions',
  'response_format',
  'chat_template_kwargs',
  'reasoning_effort',
  'thinking_token_budget',
  // The token that ended it is not shown, whatever it says.
  'stop_token_ids',
  'echo',
]
/** Thoughts, calls and channels are taken out of what is said, by rules of each server's own. */
const PARSED = /[<[]\W{0,4}(think|thought|reason|reflect|tool|function|call|channel)/i

/** Whether the answer to a request can be held to be its tokens' text, as far as the request goes. */
export function isShownWhole({ payload }: SentRequest): boolean {
  if (PARSING_FIELDS.some((name) => isAsked(payload[name])) || saysAgain(payload)) return false
  // A stop sequence that comes too early ends nothing, and is no place to cut.
  return stopsOf(payload).length === 0 || !isAsked(payload['min_tokens'])
}

/** Whether a prompt's end has an answer begin within something that is taken out. */
export const isInsideParsed = (promptEnd: string): boolean => PARSED.test(promptEnd)

/**
 * Whether a client was shown this text as it is, up to a stop sequence. Servers disagree about space around a
 * chat's answer, and about the beginning of a stop sequence that never came. One space in front is nothing
 * that answers are judged by.
 */
export function isShownAsIs(text: string, { endpoint, payload }: SentRequest): boolean {
  const matcher = new StopMatcher(stopsOf(payload))
  const { text: shown, stop } = matcher.push(text)
  if (stop === undefined && matcher.flush() !== '') return false
  if (endpoint !== 'chat.completions') return true
  return !PARSED.test(text) && !/^( \s|[^\S ])|\s$/.test(shown) && !/\s$/.test(text)
}

/** llama-server goes on with what the assistant said last, untold, and says that again. */
function saysAgain({ messages, continue_final_message: isTold }: SentRequest['payload']): boolean {
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined
  const isSaid = typeof last === 'object' && last !== null && 'role' in last
  return isSaid && last.role === 'assistant' && isTold !== true
}

function stopsOf({ stop }: SentRequest['payload']): readonly string[] {
  const stops = Array.isArray(stop) ? stop : [stop]
  return stops.filter((one) => typeof one === 'string')
}

function isAsked(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0) return false
  if (typeof value !== 'object') return true
  return !('type' in value && value.type === 'text') && Object.keys(value).length > 0
}
