import OpenAI from 'openai'
import type { Service } from './processes.ts'
import { bearer, type Client, type Stack } from './stack.ts'

/** The demo model counts right as far as here, in some 150 tokens and 100 ms. */
export const QUESTION = 'Count from 1 to 40'

/** Something that a client saw, or that was done to its provider. */
export type Moment =
  | { readonly what: 'asked' }
  | { readonly what: 'answering'; readonly provider: string }
  | { readonly what: 'text'; readonly text: string }
  | { readonly what: 'killed'; readonly provider: string }
  | { readonly what: 'finished'; readonly reason: string }
  | { readonly what: 'usage'; readonly usage: OpenAI.CompletionUsage }
  | { readonly what: 'ended' }

/** An answer as OpenAI's own SDK gave it. */
export interface SeenAnswer {
  readonly job: string
  readonly text: string
  readonly ids: readonly string[]
  readonly finishReasons: readonly string[]
  readonly usage: OpenAI.CompletionUsage | undefined
}

export interface Question {
  readonly stack: Stack
  readonly client: Client
  /** The provider to ask first; undefined leaves it to the edge. */
  readonly first?: Service
  /** Kill it once so many characters have come. */
  readonly killAfterChars?: number
  readonly onMoment?: (moment: Moment) => void
}

/** Asks {@link QUESTION} in a stream, and kills the provider in the middle if told to. */
export async function askInStream(question: Question): Promise<SeenAnswer> {
  const { stack, client, first, killAfterChars = Number.POSITIVE_INFINITY } = question
  const tell = question.onMoment ?? (() => {})
  const openai = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: client.apiKey, maxRetries: 0 })
  const body = {
    model: 'infernet-demo',
    messages: [{ role: 'user', content: QUESTION }],
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
    provider: { order: first === undefined ? [] : [first.peer] },
  } as const satisfies OpenAI.ChatCompletionCreateParamsStreaming & { provider: object }
  tell({ what: 'asked' })
  const { data, response } = await openai.chat.completions
    .create({ ...body, messages: [...body.messages] })
    .withResponse()
  tell({ what: 'answering', provider: response.headers.get('x-infernet-provider') ?? '' })
  const ids = new Set<string>()
  const finishReasons: string[] = []
  let text = ''
  let usage: OpenAI.CompletionUsage | undefined
  let victim = first
  for await (const chunk of data) {
    ids.add(chunk.id)
    const [choice] = chunk.choices
    const said = choice?.delta.content ?? ''
    text += said
    if (said !== '') tell({ what: 'text', text: said })
    if (victim !== undefined && text.length >= killAfterChars) {
      process.kill(victim.pid, 'SIGKILL')
      tell({ what: 'killed', provider: victim.peer })
      victim = undefined
    }
    if (choice?.finish_reason) {
      finishReasons.push(choice.finish_reason)
      tell({ what: 'finished', reason: choice.finish_reason })
    }
    if (chunk.usage) {
      usage = chunk.usage
      tell({ what: 'usage', usage })
    }
  }
  tell({ what: 'ended' })
  const job = response.headers.get('x-infernet-job') ?? ''
  return { job, text, ids: [...ids], finishReasons, usage }
}

/** What one provider did of an answer, and got for it in msat. */
export interface Share {
  readonly provider_name: string
  readonly tokens_completion: number
  readonly cost: number
  readonly status: string
}

/** How an answer went and what it cost, by GET /v1/generation. */
export async function generationOf(
  stack: Stack,
  client: Client,
  job: string,
): Promise<{ total_cost: number; tokens_completion: number; provider_responses: Share[] }> {
  await stack.settledBalance(client.accountId)
  const answer = await fetch(`${stack.url}/v1/generation?id=${job}`, {
    headers: bearer(client.apiKey),
  })
  const { data } = (await answer.json()) as { data: Awaited<ReturnType<typeof generationOf>> }
  return data
}
