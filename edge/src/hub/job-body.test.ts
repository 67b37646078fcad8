import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatenate, JobBody } from './job-body.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (chunk: Uint8Array | undefined): string => new TextDecoder().decode(chunk)
const turn = (): Promise<void> => new Promise(setImmediate)

describe.each([false, true])('the body of an answer, byteStream: %s', (byteStream) => {
  function body(filter = (chunk: Uint8Array) => chunk) {
    const delivered: string[] = []
    let cancels = 0
    const job = new JobBody({
      byteStream,
      onDeliver: (chunk) => {
        delivered.push(text(chunk))
        return filter(chunk)
      },
      onCancel: () => {
        cancels++
      },
    })
    const write = (chunk: string): void => {
      job.write(bytes(chunk))
      job.flush()
    }
    return { job, delivered, write, cancels: () => cancels, reader: job.stream.getReader() }
  }

  it('delivers nothing before the client asks', async () => {
    const { write, delivered } = body()
    await turn()
    write('a')
    await turn()
    expect(delivered).toEqual([])
  })

  it('hands what has gathered over in one piece', async () => {
    const { write, reader, delivered } = body()
    for (const chunk of ['a', 'b', 'c']) write(chunk)
    expect(text((await reader.read()).value)).toBe('abc')
    expect(delivered).toEqual(['a', 'b', 'c'])
  })

  it('answers a waiting client at the next flush', async () => {
    const { job, reader } = body()
    const next = reader.read()
    job.write(bytes('a'))
    job.write(bytes('b'))
    job.flush()
    expect(text((await next).value)).toBe('ab')
  })

  it('keeps a client waiting when nothing of a chunk is for it', async () => {
    const { write, reader } = body((chunk) => (text(chunk) === 'x' ? new Uint8Array() : chunk))
    const next = reader.read()
    write('x')
    write('x')
    write('a')
    expect(text((await next).value)).toBe('a')
  })

  it('asks for the last bytes when everything before them is handed over, once', async () => {
    const { job, write, reader, delivered } = body()
    write('a')
    const asked: string[][] = []
    job.end(() => {
      asked.push([...delivered])
      return bytes('!')
    })
    job.end(() => bytes('never'))
    job.flush()
    expect(asked).toEqual([])
    expect(text((await reader.read()).value)).toBe('a!')
    expect(asked).toEqual([['a']])
    expect(await reader.read()).toMatchObject({ done: true })
    write('late')
    job.flush()
  })

  it('can be left open at its end, with some bytes said before the last ones', async () => {
    const { job, write, reader } = body()
    write('a')
    job.end(() => {
      job.append(bytes('b'))
      return undefined
    })
    expect(text((await reader.read()).value)).toBe('ab')
    const last = reader.read()
    job.end(() => bytes('!'))
    job.flush()
    expect(text((await last).value)).toBe('!')
    expect(await reader.read()).toMatchObject({ done: true })
  })

  it('says what was said before its end, also when that comes at once', async () => {
    const { job, write, reader } = body()
    write('a')
    job.end(() => {
      job.append(bytes('b'))
      job.end(() => bytes('!'))
      return undefined
    })
    expect(text((await reader.read()).value)).toBe('ab!')
    expect(await reader.read()).toMatchObject({ done: true })
  })

  it('ends once for a client that asks ahead', async () => {
    const { job, reader } = body()
    const reads = [reader.read(), reader.read(), reader.read()]
    await turn()
    let ends = 0
    job.write(bytes('a'))
    job.end(() => {
      ends++
      return bytes('!')
    })
    job.flush()
    const [first, ...rest] = await Promise.all(reads)
    expect(text(first?.value)).toBe('a!')
    expect(rest.map(({ done }) => done)).toEqual([true, true])
    expect(ends).toBe(1)
  })

  it('forgets everything when the client hangs up', async () => {
    const { job, write, reader, delivered, cancels } = body()
    write('a')
    job.end(() => expect.unreachable())
    await reader.cancel()
    write('b')
    expect(cancels()).toBe(1)
    expect(delivered).toEqual([])
  })

  it('can be broken off', async () => {
    const { job, write, reader, delivered } = body()
    write('a')
    job.abort('deadline')
    job.abort('again')
    write('b')
    await expect(reader.read()).rejects.toThrow('deadline')
    expect(delivered).toEqual([])
  })

  it('delivers every byte in order, however writes and reads interleave', async () => {
    const step = fc.oneof(
      fc.record({ write: fc.string({ minLength: 1, maxLength: 5 }), flush: fc.boolean() }),
      fc.constant('read' as const),
      fc.constant('turn' as const),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
        const { job, reader, delivered } = body()
        const reads: ReturnType<typeof reader.read>[] = []
        let written = ''
        for (const next of steps) {
          if (next === 'read') reads.push(reader.read())
          else if (next === 'turn') await turn()
          else {
            written += next.write
            job.write(bytes(next.write))
            if (next.flush) job.flush()
          }
        }
        job.end(() => bytes('END'))
        job.flush()
        let received = ''
        for (const read of reads) received += text((await read).value)
        for (;;) {
          const { done, value } = await reader.read()
          if (done) break
          received += text(value)
        }
        expect(received).toBe(`${written}END`)
        expect(delivered.join('')).toBe(written)
      }),
      { numRuns: 50 },
    )
  })

  it('does not take the writer’s memory away when it must own a chunk', async () => {
    const { job, reader } = body()
    const message = bytes('..payload..')
    job.write(message.subarray(2, 9))
    expect(text((await reader.read()).value)).toBe('payload')
    if (byteStream) expect(text(message)).toBe('..payload..')
  })
})

describe('concatenate', () => {
  it('joins chunks into memory of their own', () => {
    const chunks = [bytes('ab'), new Uint8Array(), bytes('c')]
    const whole = concatenate(chunks)
    expect(text(whole)).toBe('abc')
    expect(whole.buffer.byteLength).toBe(3)
    expect(concatenate([])).toHaveLength(0)
  })
})
