import type { LlamaContextSequence, Token } from 'node-llama-cpp'
import { expect, it } from 'vitest'
import { SequencePool } from './sequence-pool.ts'

/** A sequence that notes how many tokens it was given at a time. */
class FakeSequence {
  readonly steps: number[] = []
  readonly nextTokenIndex = 0
  compareContextTokens = () => ({ firstDifferentIndex: 0 })
  evaluateWithoutGeneratingNewTokens = async (tokens: readonly Token[]): Promise<void> => {
    this.steps.push(tokens.length)
  }
}

const prompt = (length: number): Token[] => Array.from({ length }, () => 1 as Token)

async function make(count: number) {
  const fakes = Array.from({ length: count }, () => new FakeSequence())
  const pool = new SequencePool(fakes as unknown as LlamaContextSequence[])
  const taken: LlamaContextSequence[] = []
  for (let i = 0; i < count; i++) taken.push(await pool.take([]))
  const read = (i: number, length: number): Promise<Token[]> =>
    pool.read(
      taken[i]!,
      prompt(length),
      () => false,
      () => {},
    )
  const stepsOf = (i: number): readonly number[] => (taken[i] as unknown as FakeSequence).steps
  return { pool, taken, read, stepsOf }
}

it('reads a prompt that is read alone in whole batches', async () => {
  const { pool, taken, read, stepsOf } = await make(4)
  expect(await read(0, 1_500)).toHaveLength(476)
  expect(stepsOf(0)).toEqual([512, 512])
  // It generates now.
  pool.hasRead(taken[0]!)
  expect(await read(1, 1_500)).toHaveLength(476)
})

it('reads several in steps that fill a batch together, so that a sign of life comes of each', async () => {
  const { read, stepsOf } = await make(4)
  const lasts = await Promise.all([0, 1, 2, 3].map((i) => read(i, 2_000)))
  expect([0, 1, 2, 3].map((i) => stepsOf(i)[0])).toEqual([512, 256, 170, 128])
  for (const i of [0, 1, 2, 3]) expect(stepsOf(i).slice(1)).toContain(128)
  expect(Math.max(...lasts.map(({ length }) => length))).toBeLessThanOrEqual(128)
})

it('counts one until its last piece is read too, or it is given back', async () => {
  const { pool, taken, read, stepsOf } = await make(2)
  await read(0, 500)
  await read(1, 300)
  expect(stepsOf(1)).toEqual([256])
  pool.giveBack(taken[0]!)
  await read(1, 1_000)
  expect(stepsOf(1)).toEqual([256, 512])
})

it('takes no steps that are too small to pay', async () => {
  const { read, stepsOf } = await make(32)
  await Promise.all(Array.from({ length: 32 }, (_, i) => read(i, 700)))
  expect(Math.min(...Array.from({ length: 32 }, (_, i) => stepsOf(i)).flat())).toBe(32)
})
