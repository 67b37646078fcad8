import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_PACING, MAX_CHUNKS, MAX_GAP_MS, pacingText, parsePacing } from './pacing.ts'

describe('pacing', () => {
  it('survives being written into any prompt', () => {
    const pacing = fc.record({
      chunks: fc.nat({ max: MAX_CHUNKS }),
      gapMs: fc.nat({ max: MAX_GAP_MS }),
    })
    const prompt = fc.string().filter((text) => !text.includes('bench'))
    fc.assert(
      fc.property(pacing, prompt, (wanted, text) => {
        expect(parsePacing(`${text} ${pacingText(wanted)}`)).toEqual(wanted)
      }),
    )
  })

  it('has a default and limits', () => {
    expect(parsePacing('hello')).toEqual(DEFAULT_PACING)
    expect(parsePacing('bench:chunks=999999,gap=999999')).toEqual({
      chunks: MAX_CHUNKS,
      gapMs: MAX_GAP_MS,
    })
  })
})
