import { stampText } from '../chunk-stamp.ts'
import { jsonAnswer, streamEvents, type AnswerHead, type StreamEvents } from '../mock-answer.ts'

/** Candidates told of each token; as many as vLLM tells by default. */
const CANDIDATES = 20
const FIRST_ID = 100_000
const PROMPT_IDS = Array.from({ length: 24 }, (_, place) => FIRST_ID + place)

const tokenOf = (rank: number) => ({
  token: `token_id:${FIRST_ID + rank}`,
  logprob: -0.0523 - rank * 0.7311,
  bytes: [32, 116, 105, 100, 101],
})

/** A token that is told: vLLM's shape and size. */
const TOLD = {
  ...tokenOf(0),
  top_logprobs: Array.from({ length: CANDIDATES }, (_, rank) => tokenOf(rank)),
}

const event = (body: unknown): string => `data: ${JSON.stringify(body)}\n\n`

/** A JSON answer whose content is place 0. */
export const wholeAnswer = (head: AnswerHead, promptTokens: number): string =>
  jsonAnswer(head, { promptTokens, completionTokens: 64 }, 0)

/** The events of a stream whose chunks have their places as contents. */
export function answerEvents(head: AnswerHead, chunks: number, isShown: boolean): StreamEvents {
  const usage = { promptTokens: PROMPT_IDS.length, completionTokens: chunks }
  const plain = streamEvents(head, usage)
  return isShown ? shownEvents(head, plain) : plain
}

/** The same with ids and candidates of every token, as vLLM has them. */
function shownEvents(head: AnswerHead, { closing }: StreamEvents): StreamEvents {
  const { id, created, model } = head
  const base = { id, object: 'chat.completion.chunk', created, model }
  const choice = { index: 0, finish_reason: null }
  const opening = {
    ...base,
    choices: [{ ...choice, delta: { role: 'assistant', content: '' }, logprobs: null }],
    prompt_token_ids: PROMPT_IDS,
  }
  const placeholder = stampText(0)
  const told = {
    ...choice,
    delta: { content: placeholder },
    logprobs: { content: [TOLD] },
    token_ids: [FIRST_ID],
  }
  const [before = '', after = ''] = event({ ...base, choices: [told] }).split(placeholder)
  return {
    opening: event(opening),
    chunk: (place) => before + stampText(place) + after,
    closing,
  }
}
