import { expect, it } from 'vitest'
import { firstAnswer } from './first-answer.ts'
import { SequencePool } from './sequence-pool.ts'

it('leaves no context behind where a vector cannot be computed', async () => {
  let disposed = 0
  const context = {
    getEmbeddingFor: () => Promise.reject(new Error('out of memory')),
    dispose: async () => void disposed++,
  }
  const model = {
    tokens: { bos: 1, eos: 2 },
    fileInfo: { metadata: { general: { architecture: 'nomic-bert' } } },
    createEmbeddingContext: async () => context,
  }
  const loaded = { model: model as never, sequences: new SequencePool([]) }
  await expect(firstAnswer(loaded, 1)).rejects.toThrow('out of memory')
  expect(disposed).toBe(1)
})
