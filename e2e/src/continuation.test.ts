import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askInStream, generationOf, type SeenAnswer } from './broken-answer.ts'
import type { Service } from './processes.ts'
import { SeverableLine } from './severable-line.ts'
import { HOSTS, Stack, type Client } from './stack.ts'

const DEPOSIT = 100_000_000
/** The provider may have said everything before the signal reached it. */
const MOST_TRIES = 5

/** A provider killed in the middle of its answer, and another that goes on with it. */
describe.each(HOSTS)('a broken answer on the %s host', (kind) => {
  let stack: Stack
  let survivor: Service
  let victim: Service
  let client: Client
  let whole: SeenAnswer

  beforeAll(async () => {
    stack = await Stack.start(kind, kind === 'node' ? 18_440 : 18_450)
    survivor = await startAgent('survivor', 1)
    victim = await startAgent('victim', 2)
    client = await stack.createClient(String(DEPOSIT))
    whole = await askInStream({ stack, client, first: survivor })
  })
  afterAll(() => stack?.stop())

  const startAgent = (name: string, providers: number): Promise<Service> =>
    stack.startAgent(name, 'infernet-demo', ['--engine', 'llama-cpp'], providers)

  it('goes on elsewhere: one stream, one id, one end, and the same words', async () => {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const before = (await stack.settledBalance(client.accountId)).available
      const seen = await askInStream({ stack, client, first: victim, killAfterChars: 12 })
      expect(seen.text).toBe(whole.text)
      expect(seen.ids).toHaveLength(1)
      expect(seen.finishReasons).toEqual(['stop'])
      const { prompt_tokens: prompt = 0, completion_tokens: completion } = whole.usage ?? {}
      expect(seen.usage?.completion_tokens).toBe(completion)
      // Where the cut parts what the second reads as one token, the prompt is counted short of that.
      expect(seen.usage?.prompt_tokens).toBeLessThanOrEqual(prompt)
      expect(seen.usage?.prompt_tokens).toBeGreaterThanOrEqual(prompt - 2)
      const { available, reserved } = await stack.settledBalance(client.accountId)
      const generation = await generationOf(stack, client, seen.job)
      expect(reserved).toBe(0)
      expect(before - available).toBe(generation.total_cost)
      expect(generation.tokens_completion).toBe(seen.usage?.completion_tokens)
      const [first, second] = generation.provider_responses
      if (second !== undefined) {
        expect(first).toMatchObject({ provider_name: victim.peer, status: 'failed' })
        expect(second).toMatchObject({ provider_name: survivor.peer, status: 'completed' })
        for (const share of [first, second]) {
          expect(share?.tokens_completion).toBeGreaterThan(0)
          expect(share?.cost).toBeGreaterThan(0)
        }
        expect((first?.cost ?? 0) + second.cost).toBe(generation.total_cost)
        return
      }
      await victim.kill()
      victim = await startAgent('victim', 2)
    }
    expect.fail(`the victim was faster than its death, ${MOST_TRIES} times`)
  })

  it('is as good as an answer that nobody interrupted', () => {
    expect(whole.text).toBe(Array.from({ length: 40 }, (_, i) => i + 1).join(', '))
    expect(whole.ids).toHaveLength(1)
  })
})

/** The only provider there is, and the line to it. */
describe.each(HOSTS)('a line that is cut, to the %s host', (kind) => {
  let stack: Stack
  let line: SeverableLine
  afterAll(async () => {
    line?.close()
    await stack?.stop()
  })

  it('is dialled again, and the answer goes on where it was', async () => {
    const port = kind === 'node' ? 18_460 : 18_470
    stack = await Stack.start(kind, port)
    line = await SeverableLine.to(port)
    const options = ['--engine', 'llama-cpp', '--edge', line.url]
    const first = await stack.startAgent('only', 'infernet-demo', options)
    const client = await stack.createClient(String(DEPOSIT))
    const whole = await askInStream({ stack, client, first })
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      let text = ''
      const seen = await askInStream({
        stack,
        client,
        first,
        onMoment: (moment) => {
          if (moment.what !== 'text' || text.length >= 12) return
          text += moment.text
          if (text.length >= 12) line.sever()
        },
      })
      expect(seen.text).toBe(whole.text)
      expect(seen.ids).toHaveLength(1)
      expect(seen.finishReasons).toEqual(['stop'])
      const { provider_responses: shares } = await generationOf(stack, client, seen.job)
      expect(new Set(shares.map((share) => share.provider_name))).toEqual(new Set([first.peer]))
      if (shares.length > 1) return
    }
    expect.fail(`it had said everything before the line was cut, ${MOST_TRIES} times`)
  })
})
