import { describe, expect, it } from 'vitest'
import { type StreamTranslator, translatedStream } from './translated-stream.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

/** Doubles letters, swallows digits, fails at `!`. */
class Doubler implements StreamTranslator {
  failed = false
  push(input: Uint8Array): Uint8Array {
    const text = new TextDecoder().decode(input)
    this.failed = text.includes('!')
    return bytes(text.replaceAll(/\d/g, '').replaceAll(/[a-z]/g, '$&$&'))
  }
  finish(): Uint8Array {
    return bytes('.')
  }
}

/** A source that says what it was asked for. */
function source(pieces: readonly string[]) {
  const asked: string[] = []
  const left = [...pieces]
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = left.shift()
        asked.push(piece ?? 'end')
        if (piece === undefined) controller.close()
        else controller.enqueue(bytes(piece))
      },
      cancel: (reason) => void asked.push(`cancelled: ${reason}`),
    },
    { highWaterMark: 0 },
  )
  return { stream, asked }
}

describe('a translated stream', () => {
  it('has the translation of all pieces and what follows them', async () => {
    const { stream } = source(['a', '1', 'b'])
    const text = await new Response(translatedStream(stream, new Doubler())).text()
    expect(text).toBe('aabb.')
  })

  it('asks for no more than its reader does', async () => {
    const { stream, asked } = source(['1', '2', 'a', 'b'])
    const reader = translatedStream(stream, new Doubler()).getReader()
    await Promise.resolve()
    expect(asked).toEqual([])
    await reader.read()
    expect(asked).toEqual(['1', '2', 'a'])
  })

  it('tells the source that its reader left', async () => {
    const { stream, asked } = source(['a', 'b'])
    const reader = translatedStream(stream, new Doubler()).getReader()
    await reader.read()
    await reader.cancel('enough')
    expect(asked).toEqual(['a', 'cancelled: enough'])
  })

  it('leaves a source that cannot be read any further', async () => {
    const { stream, asked } = source(['a', 'b!', 'c'])
    expect(await new Response(translatedStream(stream, new Doubler())).text()).toBe('aabb!')
    expect(asked).toEqual(['a', 'b!', 'cancelled: unreadable'])
  })

  it('breaks where the source breaks', async () => {
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('gone')),
    })
    await expect(new Response(translatedStream(stream, new Doubler())).text()).rejects.toThrow()
  })
})
