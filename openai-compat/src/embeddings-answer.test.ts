import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { schemaProblems } from '../test/openai-schema.ts'
import { embeddingsAnswer, type EmbeddingsAnswer } from './embeddings-answer.ts'
import { MAX_DIMENSIONS } from './embeddings-request.ts'

const base64 = (floats: readonly number[]): string => {
  const buffer = Buffer.alloc(floats.length * 4)
  floats.forEach((float, i) => buffer.writeFloatLE(float, i * 4))
  return buffer.toString('base64')
}
const floatsOf = (text: unknown): number[] => {
  const buffer = Buffer.from(String(text), 'base64')
  return Array.from({ length: buffer.length / 4 }, (_, i) => buffer.readFloatLE(i * 4))
}
const engine = (vectors: readonly unknown[], more: object = {}): unknown => ({
  object: 'list',
  model: 'engine-name',
  data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
  usage: { prompt_tokens: 5, total_tokens: 5 },
  ...more,
})
type Body = Parameters<typeof embeddingsAnswer>[1]['body']
const convert = (answer: unknown, body: Partial<Body> = {}, requestBytes = 100) =>
  embeddingsAnswer(answer, {
    body: { model: 'm', input: 'text', ...body },
    model: 'public/m',
    requestBytes,
  })
const vectorsOf = (converted: { answer: EmbeddingsAnswer } | undefined): unknown[] | undefined =>
  converted?.answer.data.map(({ embedding }) => embedding)

describe('embeddingsAnswer', () => {
  it('is OpenAI’s answer under the public name', () => {
    const converted = convert(engine([[0.5, -2]]))
    expect(converted).toEqual({
      answer: {
        object: 'list',
        model: 'public/m',
        data: [{ object: 'embedding', index: 0, embedding: [0.5, -2] }],
        usage: { prompt_tokens: 5, total_tokens: 5 },
      },
      promptTokens: 5,
    })
    expect(schemaProblems('CreateEmbeddingResponse', converted?.answer)).toEqual([])
  })

  it.each([
    ['float', [0.5, -2], [0.5, -2]],
    ['float', base64([0.5, -2]), [0.5, -2]],
    ['base64', [0.5, -2], base64([0.5, -2])],
    ['base64', base64([0.5, -2]), base64([0.5, -2])],
    ['base64', base64([0.5, -2]).replace(/=+$/, ''), base64([0.5, -2])],
    ['base64', `${base64([0.5, -2])}\n`, base64([0.5, -2])],
  ] as const)('writes %s, whatever the engine wrote: %j', (encoding_format, given, wanted) => {
    expect(vectorsOf(convert(engine([given]), { encoding_format }))).toEqual([wanted])
  })

  it('writes little-endian float32s, as the SDKs read them', () => {
    expect(vectorsOf(convert(engine([[1]]), { encoding_format: 'base64' }))).toEqual(['AACAPw=='])
  })

  it('loses nothing that float32 holds, there and back', () => {
    const float = fc.float({ noNaN: true, noDefaultInfinity: true })
    const vectors = fc
      .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 4 }))
      .chain(([length, count]) =>
        fc.array(fc.array(float, { minLength: length, maxLength: length }), {
          minLength: count,
          maxLength: count,
        }),
      )
    fc.assert(
      fc.property(vectors, (floats) => {
        const body = { input: floats.map(() => 'text') }
        const packed = convert(engine(floats), { ...body, encoding_format: 'base64' })
        expect(vectorsOf(packed)?.map(floatsOf)).toEqual(floats)
        const unpacked = convert(packed?.answer, { ...body, encoding_format: 'float' })
        expect(vectorsOf(unpacked)).toEqual(floats)
      }),
    )
  })

  it('takes long vectors', () => {
    const long = Array.from({ length: MAX_DIMENSIONS }, (_, i) => i)
    const packed = convert(engine([long]), { encoding_format: 'base64' })
    expect(floatsOf(vectorsOf(packed)?.[0])).toEqual(long)
    expect(convert(engine([[...long, 0]]))).toBeUndefined()
  })

  it('puts the vectors in the order of the inputs', () => {
    const data = [
      { object: 'embedding', index: 1, embedding: [2] },
      { object: 'embedding', index: 0, embedding: [1] },
    ]
    expect(convert({ data }, { input: ['a', 'b'] })?.answer.data).toEqual([data[1], data[0]])
  })

  it('counts a list of token ids as one input, a list of lists as several', () => {
    expect(convert(engine([[1]]), { input: [1, 2, 3] })).toBeDefined()
    expect(convert(engine([[1]]), { input: [[1, 2], [3]] })).toBeUndefined()
    expect(convert(engine([[1], [2]]), { input: [[1, 2], [3]] })).toBeDefined()
  })

  it('insists on the dimensions that were asked for', () => {
    expect(convert(engine([[1, 2]]), { dimensions: 2 })).toBeDefined()
    expect(convert(engine([[1, 2, 3]]), { dimensions: 2 })).toBeUndefined()
  })

  it.each([
    undefined,
    null,
    'text',
    [],
    {},
    { data: {} },
    { error: { message: 'no' } },
    engine([]),
    engine([[1], [2]]),
    engine([[]]),
    engine(['']),
    engine([null]),
    engine([[1, null]]),
    engine([['1']]),
    engine([[NaN]]),
    engine([[Infinity]]),
    engine([[1e39]]),
    engine([[[1]]]),
    engine(['not base64!']),
    engine(['AAA=']),
    engine([base64([NaN])]),
    engine([base64([-Infinity])]),
    { data: [{ index: 1, embedding: [1] }] },
    { data: [{ index: -1, embedding: [1] }] },
    { data: [{ index: 0.5, embedding: [1] }] },
    { data: [{ index: '0', embedding: [1] }] },
    { data: [{ embedding: [1] }] },
    { data: [[1]] },
  ])('finds this unusable: %j', (answer) => {
    expect(convert(answer)).toBeUndefined()
  })

  it('finds vectors unusable that do not fit each other', () => {
    const two = { input: ['a', 'b'] }
    expect(convert(engine([[1, 2], [1]]), two)).toBeUndefined()
    const twice = [0, 0].map((index) => ({ index, embedding: [1] }))
    expect(convert({ data: twice }, two)).toBeUndefined()
  })

  it.each([
    [{ prompt_tokens: 7, total_tokens: 9 }, 7],
    [{ total_tokens: 9 }, 9],
    [{ prompt_tokens: 0 }, 0],
    // An estimate of 4 bytes a token.
    [undefined, 25],
    [{ prompt_tokens: -1 }, 25],
    [{ prompt_tokens: '7' }, 25],
    // The bytes of the request.
    [{ prompt_tokens: 1_000_000 }, 100],
  ])('charges for %j at most what the request can hold: %i', (usage, tokens) => {
    const converted = convert(engine([[1]], { usage }))
    expect(converted?.promptTokens).toBe(tokens)
    expect(converted?.answer.usage).toEqual({ prompt_tokens: tokens, total_tokens: tokens })
  })

  it('never throws, whatever the engine says', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (data, usage) => {
        const converted = convert({ data, usage })
        if (converted)
          expect(schemaProblems('CreateEmbeddingResponse', converted.answer)).toEqual([])
      }),
    )
  })
})
