import type { LlamaContextSequence } from 'node-llama-cpp'
import { expect, it } from 'vitest'
import { LifeAnswer } from './life-answer.ts'
import { SequencePool } from './sequence-pool.ts'

const sequence = (): LlamaContextSequence =>
  ({ nextTokenIndex: 0, compareContextTokens: () => ({ firstDifferentIndex: 0 }) }) as never

/** A pool of two, a question once it is asked, and who asked the model itself. */
async function make(taken: number) {
  const pool = new SequencePool([sequence(), sequence()])
  const held: LlamaContextSequence[] = []
  for (let i = 0; i < taken; i++) held.push(await pool.take([]))
  const seen = { asked: 0, given: false }
  const life = new LifeAnswer(pool, async () => {
    seen.asked++
    throw new Error('what fails has not hung')
  })
  const ask = async (): Promise<void> => {
    void life.given().then(() => (seen.given = true))
    await turns()
  }
  return { pool, held, life, seen, ask }
}

const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it('is a token where a sequence is free', async () => {
  const { seen, ask } = await make(1)
  await ask()
  expect(seen).toEqual({ asked: 1, given: true })
})

it('is the next thing that any run computes where all sequences are taken', async () => {
  const { life, seen, ask } = await make(2)
  life.sign()
  await ask()
  expect(seen).toEqual({ asked: 0, given: false })
  life.sign()
  await turns()
  expect(seen).toEqual({ asked: 0, given: true })
})

it('is given at once where all that hold a sequence are paused', async () => {
  const { pool, seen, ask } = await make(2)
  const resumed = Promise.withResolvers<void>()
  const rests = [pool.rest(resumed.promise), pool.rest(resumed.promise)]
  await ask()
  expect(seen).toEqual({ asked: 0, given: true })
  resumed.resolve()
  await Promise.all(rests)
  seen.given = false
  await ask()
  expect(seen).toEqual({ asked: 0, given: false })
})

it('is not given for one that is paused while another one computes', async () => {
  const { pool, seen, ask } = await make(2)
  void pool.rest(new Promise(() => {}))
  await ask()
  expect(seen).toEqual({ asked: 0, given: false })
})

it('is a token as soon as a sequence is given back that nobody waits for', async () => {
  const { pool, held, seen, ask } = await make(2)
  const next = pool.take([])
  await ask()
  pool.giveBack(held[0]!)
  await turns()
  expect([await next, seen]).toEqual([held[0], { asked: 0, given: false }])
  pool.giveBack(held[1]!)
  await turns()
  expect(seen).toEqual({ asked: 1, given: true })
})
