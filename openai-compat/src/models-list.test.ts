import { describe, expect, it } from 'vitest'
import { schemaProblems } from '../test/openai-schema.ts'
import { modelObject, modelsList, type ServedModel } from './models-list.ts'

const tiny: ServedModel = {
  id: 'infernet/tiny',
  created: 1_790_000_000,
  ownedBy: 'infernet',
  contextLength: 512,
  pricing: { prompt: '0.001', completion: '0.002' },
  providers: 3,
}

describe('models', () => {
  it('are valid by the schema and carry the extras', () => {
    expect(schemaProblems('Model', modelObject(tiny))).toEqual([])
    expect(modelObject(tiny)).toEqual({
      id: 'infernet/tiny',
      object: 'model',
      created: 1_790_000_000,
      owned_by: 'infernet',
      context_length: 512,
      pricing: { prompt: '0.001', completion: '0.002' },
      providers: 3,
    })
  })

  it('are listed by id, whatever order they came in', () => {
    const models = [{ ...tiny, id: 'b' }, { ...tiny, id: 'a' }, tiny]
    const list = modelsList(models)
    expect(schemaProblems('ListModelsResponse', list)).toEqual([])
    expect(list.data.map(({ id }) => id)).toEqual(['a', 'b', 'infernet/tiny'])
    expect(models[0]?.id).toBe('b')
  })
})
