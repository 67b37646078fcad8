import { describe, expect, it } from 'vitest'
import { possibleUsage, type AnswerExtent } from './possible-usage.ts'

const EXTENT: AnswerExtent = {
  maxOutputTokens: 100,
  choices: 1,
  requestBytes: 1_000,
  textBytes: 40,
  seenTokens: 10,
}

describe("an engine's count", () => {
  it.each<[number, Partial<AnswerExtent>]>([
    [56, {}],
    [16, { textBytes: 0 }],
    [100, { textBytes: 4_000 }],
    [72, { choices: 2 }],
    [200, { choices: 2, textBytes: 4_000 }],
  ])('of an answer is at most %i: %j', (most, more) => {
    const extent = { ...EXTENT, ...more }
    const counted = (completion_tokens: number) => ({
      prompt_tokens: 9,
      cached_tokens: 3,
      completion_tokens,
    })
    for (const tokens of [1, most])
      expect(possibleUsage(counted(tokens), extent)).toEqual(counted(tokens))
    const estimated = { ...counted(10), estimated: true }
    for (const tokens of [most + 1, 9e15])
      expect(possibleUsage(counted(tokens), extent)).toEqual(estimated)
  })

  it('of a prompt is at most its bytes, and what a template and images may add', () => {
    const counted = (prompt_tokens: number) => ({ prompt_tokens, completion_tokens: 9 })
    for (const tokens of [1, 66_536])
      expect(possibleUsage(counted(tokens), EXTENT)).toEqual(counted(tokens))
    const estimated = { ...counted(250), estimated: true }
    for (const tokens of [66_537, 9e15])
      expect(possibleUsage(counted(tokens), EXTENT)).toEqual(estimated)
  })

  it('of none is none where nothing came, and not beside text', () => {
    const none = { prompt_tokens: 9, completion_tokens: 0 }
    expect(possibleUsage(none, { ...EXTENT, textBytes: 0, seenTokens: 0 })).toEqual(none)
    const estimated = { prompt_tokens: 9, completion_tokens: 10, estimated: true }
    expect(possibleUsage(none, EXTENT)).toEqual(estimated)
    const noughts = { prompt_tokens: 0, completion_tokens: 0 }
    expect(possibleUsage(noughts, EXTENT)).toEqual({ ...estimated, prompt_tokens: 250 })
  })

  it('that is missing is estimated, within the same bounds', () => {
    const estimate = (seenTokens: number) => possibleUsage(undefined, { ...EXTENT, seenTokens })
    expect(estimate(10)).toEqual({ prompt_tokens: 250, completion_tokens: 10, estimated: true })
    expect(estimate(900).completion_tokens).toBe(56)
  })
})
