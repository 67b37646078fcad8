import { decodeTranscript, encodeTranscript, type Transcript } from '@infernet/schemas/transcript'
import { describe, expect, it } from 'vitest'
import { TranscriptStore } from './transcript-store.ts'

const transcript = (id: number): Transcript => ({
  prompt: [1, 2, 3],
  positions: [{ id, logprob: -1, top: [] }],
})
const SIZE = encodeTranscript(transcript(0)).length

function subject(maxTranscripts: number) {
  const clock = { now: 1_000 }
  const store = new TranscriptStore({
    maxBytes: maxTranscripts * SIZE,
    maxAgeMs: 100,
    now: () => clock.now,
  })
  const idOf = (lease: string): number | undefined => {
    const bytes = store.open(lease)
    return bytes && decodeTranscript(bytes).positions[0]?.id
  }
  return { clock, store, idOf }
}

describe('kept transcripts', () => {
  it('are opened by lease, as they were last kept', () => {
    const { store, idOf } = subject(3)
    store.keep('a', transcript(1))
    store.keep('b', transcript(2))
    store.keep('a', transcript(3))
    expect([idOf('a'), idOf('b'), idOf('c')]).toEqual([3, 2, undefined])
    expect(store.bytes).toBe(2 * SIZE)
  })

  it('make room for new ones, the oldest first', () => {
    const { store, idOf } = subject(2)
    for (const [i, lease] of ['a', 'b', 'c'].entries()) store.keep(lease, transcript(i))
    expect([idOf('a'), idOf('b'), idOf('c')]).toEqual([undefined, 1, 2])
    expect(store.bytes).toBe(2 * SIZE)
  })

  it('are gone when their time is over', () => {
    const { clock, store, idOf } = subject(9)
    store.keep('a', transcript(1))
    clock.now += 99
    expect(idOf('a')).toBe(1)
    clock.now += 1
    expect(idOf('a')).toBeUndefined()
    store.keep('b', transcript(2))
    expect(store.bytes).toBe(SIZE)
  })

  it('that alone are too large are not kept', () => {
    const { store, idOf } = subject(0)
    store.keep('a', transcript(1))
    expect(idOf('a')).toBeUndefined()
    expect(store.bytes).toBe(0)
  })
})
