import { describe, expect, it } from 'vitest'
import { schemaProblems } from '../test/openai-schema.ts'
import {
  modelEndpoints,
  modelObject,
  modelsList,
  type ServedModel,
  type ServingProvider,
} from './models-list.ts'

const tiny: ServedModel = {
  id: 'infernet/tiny',
  created: 1_790_000_000,
  ownedBy: 'infernet',
  contextLength: 512,
  pricing: { prompt: '0.001', completion: '0.002' },
  capabilities: ['vision', 'tools', 'seed'],
  endpoints: ['completions', 'chat.completions'],
  quantizations: ['fp16', 'Q8_0'],
  providers: 3,
}

describe('models', () => {
  it('are valid by the schema and carry OpenRouter’s extras', () => {
    const object = modelObject(tiny)
    expect(schemaProblems('Model', object)).toEqual([])
    expect(object).toEqual({
      id: 'infernet/tiny',
      object: 'model',
      canonical_slug: 'infernet/tiny',
      name: 'infernet/tiny',
      created: 1_790_000_000,
      owned_by: 'infernet',
      context_length: 512,
      architecture: {
        modality: 'text+image->text',
        input_modalities: ['text', 'image'],
        output_modalities: ['text'],
      },
      pricing: { prompt: '0.001', completion: '0.002', request: '0', image: '0' },
      top_provider: { context_length: 512, max_completion_tokens: 512, is_moderated: false },
      per_request_limits: null,
      supported_parameters: expect.arrayContaining(['max_tokens', 'seed', 'tools', 'temperature']),
      capabilities: ['seed', 'tools', 'vision'],
      endpoints: ['chat.completions', 'completions'],
      quantizations: ['Q8_0', 'fp16'],
      providers: 3,
    })
    expect(object.supported_parameters).not.toContain('response_format')
  })

  it.each([
    [['embeddings'], [], 'text->embeddings', null],
    [['chat.completions', 'embeddings'], [], 'text->text+embeddings', 512],
    [['chat.completions'], ['files', 'audio', 'vision'], 'text+image+audio+file->text', 512],
  ] as const)('of %j with %j are %s', (endpoints, capabilities, modality, maxTokens) => {
    const object = modelObject({ ...tiny, endpoints, capabilities })
    expect(object.architecture.modality).toBe(modality)
    expect(object.top_provider.max_completion_tokens).toBe(maxTokens)
  })

  it('promise no more tokens than any request may have', () => {
    const { top_provider } = modelObject({ ...tiny, contextLength: 10_000_000 })
    expect(top_provider).toMatchObject({
      context_length: 10_000_000,
      max_completion_tokens: 1_000_000,
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

describe('modelEndpoints', () => {
  const provider: ServingProvider = {
    peer: '12D3KooWb',
    pricing: { prompt: '0.001', completion: '0.002' },
    quantization: 'Q8_0',
    contextLength: 256,
    capabilities: ['tools'],
    endpoints: ['chat.completions'],
    latencyP50: 0.25,
    throughputP50: 80,
    uptime: 0.99,
    available: true,
  }

  it('tell what is known about each provider', () => {
    const { data } = modelEndpoints(tiny, [provider])
    expect(data).toMatchObject({ id: 'infernet/tiny', created: 1_790_000_000 })
    expect(data.endpoints).toEqual([
      {
        name: '12D3KooWb | infernet/tiny',
        provider_name: '12D3KooWb',
        model_id: 'infernet/tiny',
        context_length: 256,
        max_completion_tokens: 256,
        max_prompt_tokens: 256,
        pricing: { prompt: '0.001', completion: '0.002', request: '0', image: '0' },
        quantization: 'Q8_0',
        supported_parameters: expect.arrayContaining(['tools', 'tool_choice']),
        capabilities: ['tools'],
        endpoints: ['chat.completions'],
        latency: { p50: 0.25 },
        throughput: { p50: 80 },
        uptime: 0.99,
        status: 0,
      },
    ])
  })

  it('say null for what nobody has measured', () => {
    const unknown = { latencyP50: undefined, throughputP50: undefined, uptime: undefined }
    const fresh = { ...provider, ...unknown, quantization: undefined, available: false }
    expect(modelEndpoints(tiny, [fresh]).data.endpoints[0]).toMatchObject({
      latency: null,
      throughput: null,
      uptime: null,
      quantization: 'unknown',
      status: -1,
    })
  })

  it('list the providers alike on every edge', () => {
    const other = { ...provider, peer: '12D3KooWa' }
    const names = modelEndpoints(tiny, [provider, other]).data.endpoints.map(
      ({ provider_name }) => provider_name,
    )
    expect(names).toEqual(['12D3KooWa', '12D3KooWb'])
    expect(modelEndpoints(tiny, []).data.endpoints).toEqual([])
  })
})
