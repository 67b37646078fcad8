import { describe, expect, it } from 'vitest'
import { responsesStream } from './response-body.ts'
import { NOW, head, chunk, joined, chat, eventsOf } from '../../test/response-streams.ts'

const pull = async (stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> => {
  const chunks: Uint8Array[] = []
  for await (const bytes of stream) chunks.push(bytes)
  return chunks
}

describe('the stream of a response', () => {
  const options = { head, now: () => NOW }
  it('begins before the model has said anything, and reads only when it is read', async () => {
    let pulls = 0
    const source = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulls++
          controller.enqueue(pulls === 1 ? chunk({ content: 'x' }) : chat([]))
          if (pulls === 2) controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    const reader = responsesStream(source, options).getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toContain('response.created')
    expect(pulls).toBe(0)
    expect(new TextDecoder().decode((await reader.read()).value)).toContain('output_text.delta')
    expect(pulls).toBe(1)
  })

  it('hands a hang-up on', async () => {
    let reason: unknown
    const source = new ReadableStream<Uint8Array>({ cancel: (why) => void (reason = why) })
    const reader = responsesStream(source, options).getReader()
    await reader.read()
    await reader.cancel('gone')
    expect(reason).toBe('gone')
  })

  it('stops the job when its bytes make no sense', async () => {
    let cancelled = false
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('nonsense\n')),
      cancel: () => void (cancelled = true),
    })
    const events = eventsOf(joined(await pull(responsesStream(source, options))))
    expect(events.at(-1)?.type).toBe('response.failed')
    expect(cancelled).toBe(true)
  })

  it('fails when the bytes break off', async () => {
    const source = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => controller.error(new Error('connection lost')),
      },
      { highWaterMark: 0 },
    )
    const events = eventsOf(joined(await pull(responsesStream(source, options))))
    expect(events.at(-1)?.type).toBe('response.failed')
  })
})
