import { SseDecoder } from '@infernet/openai-compat/sse-decoder'

/** How a client sees the end of an answer. */
export type View =
  | { readonly end: 'whole'; readonly text: string; readonly usage: unknown }
  /** An error instead of an answer. */
  | { readonly end: 'refused'; readonly status: number; readonly code: unknown }
  /** An error in the stream, behind a part of the answer. */
  | { readonly end: 'broken'; readonly code: unknown; readonly text: string }

interface Chunk {
  readonly id?: string
  readonly error?: { readonly code: unknown }
  readonly usage?: unknown
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string }
    readonly finish_reason?: string | null
  }[]
}

/** Reads an answer to a chat as a strict client would: throws for what is neither whole nor an error. */
export async function viewOf(answer: Response): Promise<View> {
  const body = await answer.text()
  if (answer.status !== 200) {
    const { error } = JSON.parse(body) as { error: Record<string, unknown> }
    if (Object.keys(error).toSorted().join() !== 'code,message,param,type') {
      throw new Error(`not OpenAI's envelope: ${body}`)
    }
    return { end: 'refused', status: answer.status, code: error['code'] }
  }
  if (answer.headers.get('content-type')?.startsWith('text/event-stream') === true) {
    return viewOfStream(body)
  }
  const { choices, usage } = JSON.parse(body) as {
    choices: { message: { content: string }; finish_reason: string }[]
    usage: unknown
  }
  const [choice] = choices
  if (choice?.finish_reason !== 'stop') throw new Error(`no whole answer: ${body}`)
  return { end: 'whole', text: choice.message.content, usage }
}

function viewOfStream(body: string): View {
  if (!body.endsWith('\n\n')) throw new Error(`the last event is cut: ${body.slice(-200)}`)
  const events = new SseDecoder().push(Buffer.from(body)).map(({ data }) => data)
  const chunks = events.filter((data) => data !== '[DONE]').map((data) => JSON.parse(data) as Chunk)
  const ids = new Set(chunks.flatMap(({ id }) => id ?? []))
  if (ids.size > 1) throw new Error(`several ids: ${[...ids].join()}`)
  const choices = chunks.flatMap((chunk) => chunk.choices ?? [])
  const text = choices.map(({ delta }) => delta?.content ?? '').join('')
  const reasons = choices.flatMap(({ finish_reason: reason }) => reason ?? [])
  const error = chunks.find((chunk) => chunk.error !== undefined)?.error
  if (error !== undefined) {
    const isInBand = chunks.at(-1)?.error === error && events.at(-1) !== '[DONE]'
    if (!isInBand || reasons.some((reason) => reason !== 'error')) {
      throw new Error(`an error is no clean end: ${body.slice(-300)}`)
    }
    return { end: 'broken', code: error.code, text }
  }
  const isClean = events.at(-1) === '[DONE]' && events.indexOf('[DONE]') === events.length - 1
  if (!isClean || reasons.join() !== 'stop') throw new Error(`no clean end: ${body.slice(-300)}`)
  return { end: 'whole', text, usage: chunks.findLast(({ usage }) => usage !== null)?.usage }
}
