import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { connectEngine } from './engine-connection.ts'
import { LlamaServerScorer } from './llama-server-scorer.ts'

interface Asked {
  readonly prompt: readonly number[]
}

const never = new AbortController().signal
const TOP = [
  { id: 3, token: 'c', logprob: -0.5 },
  { id: 1, token: 'a', logprob: -1.5 },
]

describe('a score by llama-server', () => {
  const asked: Asked[] = []
  let answer: unknown
  let status = 200
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = await request.toArray()
    asked.push(JSON.parse(Buffer.concat(chunks).toString()) as Asked)
    if (answer === undefined) return
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  const reset = (): void => {
    asked.length = 0
    status = 200
    answer = { completion_probabilities: [{ id: 3, top_logprobs: TOP }] }
  }
  beforeAll(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    reset()
  })
  afterEach(reset)
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  const scorer = (random = () => 0, most?: number): LlamaServerScorer => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return new LlamaServerScorer(connectEngine(url, undefined), random, most)
  }
  const order = (output: readonly number[]) => ({ model: 'm', prompt: [7, 8], output })

  it('asks what comes behind each prefix, shorter ones first, in words of ids', async () => {
    const positions = await scorer().score(order([1, 3, 9]), never)
    expect(asked.map(({ prompt }) => prompt)).toEqual([
      [7, 8],
      [7, 8, 1],
      [7, 8, 1, 3],
    ])
    expect(asked[0]).toMatchObject({
      n_predict: 1,
      temperature: 0,
      n_probs: 64,
      cache_prompt: true,
    })
    const top = TOP.map(({ id, logprob }) => ({ id, logprob }))
    // The last is none of the likeliest, and so at most as likely as the last of these.
    expect(positions).toEqual([
      { id: 1, logprob: -1.5, top },
      { id: 3, logprob: -0.5, top },
      { id: 9, logprob: -1.5, top },
    ])
  })

  it('looks at as many places as it may, chosen by chance and none twice', async () => {
    const numbers = [0.9, 0, 0.5]
    const positions = await scorer(() => numbers.shift() ?? 0, 3).score(
      order([1, 1, 1, 1, 1]),
      never,
    )
    expect(positions.map(({ top }) => top.length > 0)).toEqual([false, true, false, true, true])
    expect(asked.map(({ prompt }) => prompt.length)).toEqual([3, 5, 6])
  })

  it.each([
    [{}, 200],
    [{ completion_probabilities: [] }, 200],
    [{ completion_probabilities: [{ top_logprobs: [{ id: 1, logprob: 'x' }] }] }, 200],
    [{ completion_probabilities: [{ top_logprobs: [{ id: 1, logprob: 2 }] }] }, 200],
    [{ error: { message: 'out of memory' } }, 500],
  ])('is none when it answers %j', async (other, code) => {
    answer = other
    status = code
    await expect(scorer().score(order([1]), never)).rejects.toMatchObject({ code: 'engine_failed' })
  })

  it('ends when it is told to', async () => {
    answer = undefined
    const stopping = new AbortController()
    const stopped = scorer().score(order([1]), stopping.signal)
    await expect.poll(() => asked.length).toBe(1)
    stopping.abort()
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' })
  })
})
