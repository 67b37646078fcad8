import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkScanner } from './chunk-scanner.ts'
import { DeliveredText, MAX_DELIVERED_TEXT_BYTES } from './delivered-text.ts'

const encoder = new TextEncoder()

const add = (text: DeliveredText, content: string): void => addDelta(text, { content })

function addDelta(text: DeliveredText, delta: object, index = 0): void {
  const json = JSON.stringify({ choices: [{ index, delta }] })
  const bytes = encoder.encode(`data: ${json}\n\n`)
  const scanner = new ChunkScanner()
  scanner.scan(bytes, 6, bytes.length - 2)
  text.add(bytes, scanner)
}

describe('DeliveredText', () => {
  it('is the text as a client puts it together', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 80 }),
      fc.constantFrom('\ufeff', '\u2028', '"', '\\', '\0', '\ud83d', '\ude00', 'x'.repeat(2000)),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const text = new DeliveredText()
        for (const part of pieces) add(text, part)
        const whole = pieces.join('')
        expect(text.obstacle).toBe(whole.isWellFormed() ? undefined : 'half_character')
        expect(text.text()).toBe(whole)
      }),
    )
  })

  it('stops at its limit', () => {
    const text = new DeliveredText()
    const piece = 'x'.repeat(MAX_DELIVERED_TEXT_BYTES / 4)
    for (let i = 0; i < 4; i++) add(text, piece)
    expect(text.obstacle).toBeUndefined()
    expect(text.text()).toHaveLength(MAX_DELIVERED_TEXT_BYTES)
    add(text, 'x')
    expect(text.obstacle).toBe('too_long')
    add(text, 'x')
    expect(text.obstacle).toBe('too_long')
    expect(text).toMatchObject({ isCut: true })
  })

  it('knows what each provider said', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.string(), { maxLength: 4 }), { minLength: 1 }), (parts) => {
        const text = new DeliveredText()
        for (const [i, pieces] of parts.entries()) {
          if (i > 0) text.nextPart()
          for (const piece of pieces) add(text, piece)
        }
        expect(parts.map((_, i) => text.part(i))).toEqual(parts.map((pieces) => pieces.join('')))
      }),
    )
  })

  it('goes on past what nobody could go on from', () => {
    const text = new DeliveredText()
    addDelta(text, { content: 'a', reasoning: 'so' })
    addDelta(text, { content: 'no' }, 1)
    add(text, 'b')
    expect(text.obstacle).toBe('other_output')
    expect(text.text()).toBe('ab')
    expect(text).toMatchObject({ isCut: false })
  })
})
