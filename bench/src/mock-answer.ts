import { stampText } from './chunk-stamp.ts'

/** What identifies one answer in all its chunks. */
export interface AnswerHead {
  readonly id: string
  readonly model: string
  /** Unix seconds. */
  readonly created: number
}

/** Tokens the engine reports. */
export interface AnswerUsage {
  readonly promptTokens: number
  readonly completionTokens: number
}

/** Brings a JSON answer to about 700 bytes, the size of a short real one. */
const FILLER = 'The quick brown fox jumps over the lazy dog. '.repeat(9).trim()

const usageBody = (usage: AnswerUsage) => ({
  prompt_tokens: usage.promptTokens,
  completion_tokens: usage.completionTokens,
  total_tokens: usage.promptTokens + usage.completionTokens,
})

const event = (body: unknown): string => `data: ${JSON.stringify(body)}\n\n`

/** A complete `chat.completion` object as JSON text. */
export function jsonAnswer(head: AnswerHead, usage: AnswerUsage, nowUs: number): string {
  return JSON.stringify({
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: `${stampText(nowUs)} ${FILLER}`, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: usageBody(usage),
  })
}

/** The server-sent events of one streamed answer, built once per stream so that a chunk costs one concatenation. */
export interface StreamEvents {
  /** First event: the role. */
  readonly opening: string
  /** One content chunk, stamped with the time it is written. */
  chunk(nowUs: number): string
  /** Finish reason, usage when asked for, `[DONE]`. */
  readonly closing: string
}

/** Prepares the events of a streamed answer; `usage` is left out when the client did not ask for it. */
export function streamEvents(head: AnswerHead, usage: AnswerUsage | undefined): StreamEvents {
  const base = {
    id: head.id,
    object: 'chat.completion.chunk',
    created: head.created,
    model: head.model,
  }
  const choice = (delta: object, finishReason: string | null) =>
    event({
      ...base,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
    })
  const placeholder = stampText(0)
  const [before = '', after = ''] = choice({ content: placeholder }, null).split(placeholder)
  const usageEvent =
    usage === undefined ? '' : event({ ...base, choices: [], usage: usageBody(usage) })
  return {
    opening: choice({ role: 'assistant', content: '' }, null),
    chunk: (nowUs) => before + stampText(nowUs) + after,
    closing: `${choice({}, 'stop')}${usageEvent}data: [DONE]\n\n`,
  }
}
