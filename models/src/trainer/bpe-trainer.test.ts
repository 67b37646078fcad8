import { describe, expect, it } from 'vitest'
import { ByteLevelBpe } from '../byte-level-bpe.ts'
import { trainBpe } from './bpe-trainer.ts'

const TEXTS = [
  'hello hello hello, say hello to the hub',
  'the hub says hello, the edge says 12 12 12',
]
const tokenizer = new ByteLevelBpe(trainBpe(TEXTS, ['<|end|>'], 266))

describe('a learned vocabulary', () => {
  it('has the size asked for: bytes first, control tokens last', () => {
    const { tokens, controlTokens } = tokenizer.vocabulary
    expect(tokens.length).toBe(266)
    expect(new Set(tokens).size).toBe(266)
    expect(tokens.at(-1)).toBe('<|end|>')
    expect([...controlTokens]).toEqual([265])
  })

  it('splits a word alike with and without a space before it', () => {
    for (const word of ['hello', 'says', 'edge', 'yellow', 'heshub']) {
      const plain = tokenizer.encode(word).map((id) => tokenizer.decode([id]))
      const spaced = tokenizer.encode(` ${word}`).map((id) => tokenizer.decode([id]))
      const trimmed = spaced.map((piece) => piece.trimStart()).filter((piece) => piece !== '')
      expect(trimmed).toEqual(plain)
    }
  })

  it('never merges digits', () => {
    for (const token of tokenizer.vocabulary.tokens.slice(256)) expect(token).not.toMatch(/\d/)
  })

  it('does not depend on anything but the texts', () => {
    expect(trainBpe(TEXTS, ['<|end|>'], 266)).toEqual(tokenizer.vocabulary)
  })

  it('needs enough text', () => {
    expect(() => trainBpe(['ab'], [], 300)).toThrow(RangeError)
  })
})
