import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JobError } from '@infernet/schemas/wire'
import { afterEach, describe, expect, it } from 'vitest'
import { EngineCall } from './engine-call.ts'
import { connectEngine } from './engine-connection.ts'

const ANSWER = JSON.stringify({
  id: 'a',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'x'.repeat(500_000) },
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
})

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** Asks a server for a whole answer; the sink aborts above `roomBytes`. */
async function asked(listener: RequestListener, roomBytes: number) {
  const server = createServer(listener)
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const held: number[] = []
  const { promise, resolve } = Promise.withResolvers<number | JobError | 'aborted'>()
  let answerBytes = 0
  const call: EngineCall = new EngineCall({
    connection: connectEngine(`http://127.0.0.1:${port}`, undefined),
    alias: { id: 'm', engineName: 'm' },
    serverKind: 'vllm',
    echoes: false,
    request: {
      endpoint: 'chat.completions',
      continues: false,
      model: 'm',
      seed: 1,
      stream: false,
      include_usage: false,
      max_output_tokens: 9,
      body: Buffer.from('{"model":"m","messages":[{"role":"user","content":"hi"}]}'),
    },
    sink: {
      data: (bytes) => (answerBytes += bytes.length),
      finish: () => resolve(answerBytes),
      fail: resolve,
      holds: (bytes) => {
        held.push(bytes)
        if (bytes <= roomBytes) return
        call.abort()
        resolve('aborted')
      },
    },
    onOver: () => {},
    onUnreachable: () => {},
  })
  return { held, end: await promise }
}

describe('a whole answer', () => {
  it('tells what it holds while it comes', async () => {
    const { held, end } = await asked((_, response) => response.end(ANSWER), Infinity)
    expect(end).toBe(ANSWER.length)
    expect(held.at(-1)).toBe(4 * ANSWER.length)
    expect(held).toEqual(held.toSorted((a, b) => a - b))
  })

  it('is read no further where it has no room', async () => {
    const endless: RequestListener = (_, response) => {
      const piece = Buffer.alloc(64 * 1024, 'x')
      const write = (): void => {
        while (response.write(piece));
      }
      response.on('drain', write)
      write()
    }
    const { held, end } = await asked(endless, 1_000_000)
    expect(end).toBe('aborted')
    expect(held.filter((bytes) => bytes > 1_000_000)).toHaveLength(1)
  })
})
