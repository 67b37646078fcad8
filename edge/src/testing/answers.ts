import {
  chatCompletion,
  completionChoice,
  contentChunk,
  finishChunk,
  roleChunk,
  usageChunk,
} from '@infernet/openai-compat/chat-chunk'
import { SseDecoder } from '@infernet/openai-compat/sse-decoder'
import { doneEvent, encodeData } from '@infernet/openai-compat/sse-encoder'
import { makeUsage } from '@infernet/openai-compat/usage'
import { concatenate } from '../hub/job-body.ts'
import type { FakeJob } from './fake-provider.ts'

const HEAD = { id: 'chatcmpl-1', created: 1_700_000_000, model: 'tiny' }

/** What engines send, piece by piece. */
export const piece = {
  role: () => encodeData(roleChunk(HEAD)),
  text: (text: string) => encodeData(contentChunk(HEAD, text)),
  finish: () => encodeData(finishChunk(HEAD, 'stop')),
  usage: (prompt: number, completion: number) =>
    encodeData(usageChunk(HEAD, makeUsage(prompt, completion))),
  done: () => doneEvent(),
}

/** A whole streamed answer of one event per word, without its `end` frame. */
export function streamed(words: readonly string[], usage = { prompt: 10, completion: 3 }) {
  const claim = piece.usage(usage.prompt, usage.completion)
  const texts = words.map(piece.text)
  return concatenate([piece.role(), ...texts, piece.finish(), claim, piece.done()])
}

/** Answers a streamed job well. */
export function answerStream(job: FakeJob, words: readonly string[] = ['one ', 'two ', 'three']) {
  const usage = { prompt: 10, completion: words.length }
  job.begin().data(streamed(words, usage))
  job.end({ usage: { prompt_tokens: 10, completion_tokens: words.length } })
}

/** A whole answer that is not streamed. */
export const completion = (text: string, prompt = 10, tokens = 3): string =>
  JSON.stringify(chatCompletion(HEAD, [completionChoice(text, 'stop')], makeUsage(prompt, tokens)))

/** Answers a job that is not streamed well. */
export function answerJson(job: FakeJob, text = 'one two three'): void {
  job.begin().data(completion(text)).end()
}

/** The `data:` payloads of a whole stream; `[DONE]` stays text. */
export async function readEvents(response: Response): Promise<unknown[]> {
  const bytes = new Uint8Array(await response.arrayBuffer())
  return new SseDecoder()
    .push(bytes)
    .map(({ data }) => (data === '[DONE]' ? data : (JSON.parse(data) as unknown)))
}
