import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { streamEvents } from './mock-answer.ts'
import { createStreamReader } from './stream-reader.ts'

const HEAD = { id: 'chatcmpl-1', model: 'bench', created: 1 }
const STAMPS = [11, 22, 33]

function wholeStream(stamps: readonly number[]): string {
  const events = streamEvents(HEAD, undefined)
  return events.opening + stamps.map((stamp) => events.chunk(stamp)).join('') + events.closing
}

function read(text: string, cuts: readonly number[] = [], strict = true) {
  const reader = createStreamReader(strict)
  const stamps: number[] = []
  const edges = [0, ...[...cuts].sort((a, b) => a - b), text.length]
  for (const [index, edge] of edges.entries()) {
    const part = text.slice(edges[index - 1] ?? 0, edge)
    reader.push(Buffer.from(part), (stamp) => stamps.push(stamp))
  }
  return { stamps, problem: reader.problem(STAMPS.length) }
}

describe('createStreamReader', () => {
  it('sees the same chunks however the stream is cut', () => {
    const text = wholeStream(STAMPS)
    fc.assert(
      fc.property(fc.array(fc.nat({ max: text.length })), (cuts) => {
        expect(read(text, cuts)).toEqual({ stamps: STAMPS, problem: undefined })
      }),
    )
  })

  it.each([
    ['a missing chunk', wholeStream([11, 22]), '2 chunks instead of 3'],
    ['a repeated chunk', wholeStream([11, 22, 33, 33]), '4 chunks instead of 3'],
    ['a wrong order', wholeStream([11, 33, 22]), 'chunks out of order'],
    ['no [DONE]', wholeStream(STAMPS).replace('data: [DONE]\n\n', ''), 'does not end with [DONE]'],
    ['an unfinished end', `${wholeStream(STAMPS)}data: {`, 'does not end with [DONE]'],
    ['an event after [DONE]', `${wholeStream(STAMPS)}data: {}\n\n`, 'an event after [DONE]'],
  ])('reports %s', (_, text, problem) => expect(read(text, [], false).problem).toContain(problem))

  it('reports what is not an OpenAI chunk when strict', () => {
    const text = wholeStream(STAMPS)
    expect(read(text.replaceAll('chat.completion.chunk', 'x')).problem).toContain('not a chunk')
    expect(read(text.replace('{"id"', '{id"')).problem).toContain('not JSON')
    expect(read(`event: x\n\n${text}`).problem).toContain('not a data event')
    expect(read(`: keep-alive\n\n${text}`).problem).toBeUndefined()
  })
})
