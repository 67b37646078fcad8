import { visitStamps } from './chunk-stamp.ts'

/** Follows one server-sent event stream, whatever way the network cut it. */
export interface StreamReader {
  /** Takes the bytes of one read; `onStamp` is called for every content chunk completed by it. */
  push(bytes: Buffer, onStamp: (micros: number) => void): void
  /** Content chunks seen so far. */
  readonly chunks: number
  /** What is wrong with the stream now that it has ended, or undefined when it was right. */
  problem(expectedChunks: number): string | undefined
}

const EVENT_END = '\n\n'
const DONE = 'data: [DONE]'

/**
 * Creates a reader. Every stream is checked for the number and order of its chunks and for `[DONE]`
 * as its last event; a `strict` reader also parses each event as the OpenAI object it should be.
 */
export function createStreamReader(strict: boolean): StreamReader {
  let unfinished = ''
  let chunks = 0
  let lastStamp = 0
  let done = false
  let problem: string | undefined

  const readEvents = (events: string, onStamp: (micros: number) => void) => {
    if (done) problem ??= 'an event after [DONE]'
    visitStamps(events, (micros) => {
      if (micros < lastStamp) problem ??= 'chunks out of order'
      lastStamp = micros
      chunks += 1
      onStamp(micros)
    })
    if (strict) problem ??= strictProblem(events)
    done = events.trimEnd().endsWith(DONE)
    if (!done && events.includes(DONE)) problem ??= 'an event after [DONE]'
  }

  return {
    get chunks() {
      return chunks
    },
    push: (bytes, onStamp) => {
      const text = unfinished + bytes.toString('latin1')
      const end = text.lastIndexOf(EVENT_END) + EVENT_END.length
      if (end < EVENT_END.length) {
        unfinished = text
        return
      }
      unfinished = text.slice(end)
      readEvents(text.slice(0, end), onStamp)
    },
    problem: (expectedChunks) => {
      if (problem !== undefined) return problem
      if (chunks !== expectedChunks) return `${chunks} chunks instead of ${expectedChunks}`
      if (!done || unfinished !== '') return 'the stream does not end with [DONE]'
      return undefined
    },
  }
}

function strictProblem(events: string): string | undefined {
  for (const event of events.split(EVENT_END)) {
    if (event === '' || event === DONE || event.startsWith(':')) continue
    if (!event.startsWith('data: ')) return `not a data event: ${event.slice(0, 60)}`
    try {
      const body: unknown = JSON.parse(event.slice('data: '.length))
      const isChunk =
        typeof body === 'object' &&
        body !== null &&
        'object' in body &&
        body.object === 'chat.completion.chunk'
      if (!isChunk) return `not a chunk object: ${event.slice(0, 60)}`
    } catch {
      return `not JSON: ${event.slice(0, 60)}`
    }
  }
  return undefined
}
