import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteLevelBpe, tokenizerFromGguf } from './byte-level-bpe.ts'
import { readGgufHeader } from './gguf-reader.ts'
import { writeGguf } from './gguf-writer.ts'
import { trainBpe } from './trainer/bpe-trainer.ts'

const CONTROL = ['<|im_start|>', '<|im_end|>']
const TEXTS = [
  'the hub hands the job to the provider, and the provider hands the answer to the hub',
  'Zürich, Łódź and 東京 pay 42 sats',
]
const tokenizer = new ByteLevelBpe(trainBpe(TEXTS, CONTROL, 274))

const anyText = fc.string({ unit: 'grapheme' })

describe('the byte-level tokenizer', () => {
  it('gives every text back', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(tokenizer.decode(tokenizer.encode(text, { control: 'text' }))).toBe(text)
      }),
    )
  })

  it('decodes a stream to the same text, never half a character', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const decoder = tokenizer.decoder()
        const pieces = tokenizer.encode(text).map((id) => decoder.push(id))
        expect(pieces.join('') + decoder.flush()).toBe(text)
        // The text may have that character of its own.
        fc.pre(!text.includes('\uFFFD'))
        for (const piece of pieces) expect(piece).not.toContain('\uFFFD')
      }),
    )
  })

  it('marks what a stream leaves unfinished', () => {
    const [first] = tokenizer.encode('京')
    const decoder = tokenizer.decoder()
    expect(decoder.push(first!)).toBe('')
    expect(decoder.flush()).toBe('\uFFFD')
  })

  it('uses its merges', () => {
    expect(tokenizer.encode(' the').length).toBe(1)
    expect(tokenizer.encode(' provider').length).toBeLessThan(9)
  })

  it('spells numbers digit by digit', () => {
    expect(tokenizer.encode('4242')).toEqual([...'4242'].map((digit) => tokenizer.idOf(digit)))
  })

  it('reads control tokens, unless told that the text is only text', () => {
    const end = tokenizer.idOf('<|im_end|>')!
    expect(tokenizer.encode('hub<|im_end|>').at(-1)).toBe(end)
    const asText = tokenizer.encode('hub<|im_end|>', { control: 'text' })
    expect(asText).not.toContain(end)
    expect(tokenizer.decode(asText)).toBe('hub<|im_end|>')
    expect(tokenizer.decode([end])).toBe('')
  })

  it('takes long words without a quadratic wait', () => {
    const word = 'ab'.repeat(100_000)
    expect(tokenizer.decode(tokenizer.encode(word))).toBe(word)
  })

  it('is read back from a GGUF file', () => {
    const { tokens, merges, controlTokens } = tokenizer.vocabulary
    const file = writeGguf(
      [
        { key: 'tokenizer.ggml.model', type: 'string', value: 'gpt2' },
        { key: 'tokenizer.ggml.tokens', type: 'strings', value: tokens },
        { key: 'tokenizer.ggml.merges', type: 'strings', value: merges },
        {
          key: 'tokenizer.ggml.token_type',
          type: 'i32s',
          value: tokens.map((_, id) => (controlTokens.has(id) ? 3 : 1)),
        },
      ],
      [],
    )
    const read = tokenizerFromGguf(readGgufHeader(file))
    expect(read.vocabulary).toEqual(tokenizer.vocabulary)
  })

  it('refuses other tokenizers', () => {
    const file = writeGguf([{ key: 'tokenizer.ggml.model', type: 'string', value: 'llama' }], [])
    expect(() => tokenizerFromGguf(readGgufHeader(file))).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    )
  })
})
