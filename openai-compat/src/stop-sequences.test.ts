import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunked, type Cuts, cuts } from '../test/chunking.ts'
import { StopMatcher } from './stop-sequences.ts'

function run(
  stops: string[],
  text: string,
  at: Cuts = [],
): { out: string; stop: string | undefined } {
  const matcher = new StopMatcher(stops)
  let out = ''
  let stop: string | undefined
  for (const piece of chunked(text, at)) {
    const result = matcher.push(piece)
    out += result.text
    stop = result.stop
  }
  return { out: out + matcher.flush(), stop }
}

describe('StopMatcher', () => {
  it.each<[string[], string, string, string | undefined]>([
    [[], 'hello', 'hello', undefined],
    [[''], 'hello', 'hello', undefined],
    [['l'], 'hello', 'he', 'l'],
    [['\n\n'], 'a\nb\n\nc', 'a\nb', '\n\n'],
    [['END'], 'the E and EN', 'the E and EN', undefined],
    [['aab'], 'aaab', 'a', 'aab'],
    [['abcd', 'bc'], 'xabcd', 'xa', 'bc'],
    [['bc', 'abc'], 'xabc', 'x', 'abc'],
    [['b', 'a'], 'xab', 'x', 'a'],
  ])('%j in %j leaves %j', (stops, text, out, stop) => {
    expect(run(stops, text)).toEqual({ out, stop })
  })

  it('holds back no more than may become a stop', () => {
    const matcher = new StopMatcher(['STOP'])
    expect(matcher.push('go ST')).toEqual({ text: 'go ', stop: undefined })
    expect(matcher.push('A')).toEqual({ text: 'STA', stop: undefined })
    expect(matcher.push(' STO')).toEqual({ text: ' ', stop: undefined })
    expect(matcher.push('P it')).toEqual({ text: '', stop: 'STOP' })
    expect(matcher.push('more')).toEqual({ text: '', stop: 'STOP' })
    expect(matcher.flush()).toBe('')
  })

  it('emits the text before the first completed stop, however it is cut', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 24 })
    const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 4 }), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(stops, letters, cuts, (sequences, text, at) => {
        const { out, stop } = run(sequences, text, at)
        expect({ out, stop }).toEqual(run(sequences, text))
        expect(text.startsWith(out + (stop ?? ''))).toBe(true)
        for (const sequence of sequences) if (sequence) expect(out.includes(sequence)).toBe(false)
        if (stop === undefined) expect(out).toBe(text)
      }),
      { numRuns: 500 },
    )
  })
})
