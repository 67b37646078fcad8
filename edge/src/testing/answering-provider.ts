import { chatCompletion, completionChoice } from '@infernet/openai-compat/chat-chunk'
import { inputsOf } from '@infernet/openai-compat/embeddings-request'
import { makeUsage } from '@infernet/openai-compat/usage'
import { doneEvent, encodeData } from '@infernet/openai-compat/sse-encoder'
import { CAPABILITIES, ENDPOINTS } from '@infernet/schemas/wire'
import { concatenate } from '../hub/job-body.ts'
import { type FakeJob, type FakeProvider, modelOffer } from './fake-provider.ts'
import type { TestEdge } from './test-edge.ts'

const HEAD = { id: 'gen-1', created: 1_700_000_000, model: 'tiny' }
const DIMENSIONS = 3
const MAX_SLOTS = 64
/** Below the limit of one frame. */
const FRAME_BYTES = 128 * 1024

/** Connects a provider that can do everything and answers every job well, at once. */
export async function answerEverything(edge: TestEdge): Promise<FakeProvider> {
  const offer = modelOffer('tiny', { endpoints: [...ENDPOINTS], capabilities: [...CAPABILITIES] })
  const provider = await edge.provider({ models: [offer], slots: MAX_SLOTS })
  void answerAll(provider)
  return provider
}

async function answerAll(provider: FakeProvider): Promise<never> {
  for (;;) {
    const job = await provider.jobs.next()
    const answer = answerTo(job)
    job.begin()
    for (let at = 0; at < answer.length; at += FRAME_BYTES) {
      job.data(answer.subarray(at, at + FRAME_BYTES))
    }
    job.end()
  }
}

/** The bytes of a good answer, streamed or whole, with as many choices as were asked for. */
function answerTo({ header, body }: FakeJob): Uint8Array {
  const request = JSON.parse(new TextDecoder().decode(body))
  const choices = choicesOf(request)
  if (header.endpoint === 'embeddings') return json(embeddings(request))
  if (header.endpoint === 'chat.completions') {
    return header.stream ? chatStream(choices) : json(chat(choices))
  }
  return header.stream ? textStream(choices) : json(texts(choices))
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

/** Choices over all prompts. */
function choicesOf({ n, prompt }: { n?: number | null; prompt?: unknown }): number[] {
  const prompts = Array.isArray(prompt) && typeof prompt[0] !== 'number' ? prompt.length : 1
  return Array.from({ length: prompts * (n ?? 1) }, (_, index) => index)
}

const usage = (choices: readonly number[]) => makeUsage(1, choices.length)

const chat = (choices: readonly number[]) =>
  chatCompletion(
    HEAD,
    choices.map((index) => completionChoice('one', 'stop', { index })),
    usage(choices),
  )

const texts = (choices: readonly number[]) => ({
  ...HEAD,
  object: 'text_completion',
  choices: choices.map((index) => ({ index, text: 'one', logprobs: null, finish_reason: 'stop' })),
  usage: usage(choices),
})

const chunkOf = (object: string, choice: object): Uint8Array =>
  encodeData({ ...HEAD, object, choices: [{ logprobs: null, ...choice }] })

/** One chunk with text per choice, and one with its end. */
function streamOf(object: string, choices: readonly number[], text: object, end: object) {
  return concatenate([
    ...choices.map((index) => chunkOf(object, { index, finish_reason: null, ...text })),
    ...choices.map((index) => chunkOf(object, { index, finish_reason: 'stop', ...end })),
    doneEvent(),
  ])
}

const chatStream = (choices: readonly number[]): Uint8Array =>
  streamOf(
    'chat.completion.chunk',
    choices,
    { delta: { role: 'assistant', content: 'one' } },
    { delta: {} },
  )

const textStream = (choices: readonly number[]): Uint8Array =>
  streamOf('text_completion', choices, { text: 'one' }, { text: '' })

function embeddings(request: { input: string[]; model: string; dimensions?: number | null }) {
  const embedding = Array.from({ length: request.dimensions ?? DIMENSIONS }, () => 0)
  const data = Array.from({ length: inputsOf(request) }, (_, index) => ({
    object: 'embedding',
    index,
    embedding,
  }))
  return { object: 'list', model: 'tiny', data, usage: { prompt_tokens: 1, total_tokens: 1 } }
}
