import { describe, expect, it } from 'vitest'
import { OpenStreams } from './open-streams.ts'

describe('open streams', () => {
  it('are bounded for an account and for all, and closed once', () => {
    const streams = new OpenStreams({ max: 3, maxPerAccount: 2 })
    const [first, second] = [streams.open('a'), streams.open('a')]
    expect(streams.open('a')).toBeUndefined()
    const third = streams.open('b')
    expect(streams.open('c')).toBeUndefined()
    first?.()
    first?.()
    expect(streams.open('a')).toBeDefined()
    expect(streams.open('c')).toBeUndefined()
    second?.()
    third?.()
    expect(streams.open('b')).toBeDefined()
    expect(streams.open('b')).toBeDefined()
  })
})
