import { describe, expect, it } from 'vitest'
import {
  judgeSilence,
  NO_SILENCE,
  silenceAfter,
  silenceAt,
  type SilenceEvent,
} from './hang-rule.ts'

describe('the silence of an engine', () => {
  /** Seconds at which something happens, and at last what the silence is then. */
  type Play = readonly (readonly [s: number, event: SilenceEvent])[]
  it.each<[string, Play, number, number]>([
    ['is none where nothing is asked', [], 500, 0],
    ['is how long an answer is waited for', [[10, 'wait']], 60, 50],
    [
      'ends with a word',
      [
        [10, 'wait'],
        [50, 'heard'],
      ],
      60,
      10,
    ],
    [
      'is one for two answers',
      [
        [10, 'wait'],
        [40, 'wait'],
      ],
      60,
      50,
    ],
    [
      'is that of the engine: one is silent while another is answered',
      [
        [0, 'wait'],
        [10, 'wait'],
        [200, 'heard'],
      ],
      210,
      10,
    ],
    [
      'goes on across jobs that were given up on',
      [
        [0, 'wait'],
        [60, 'over'],
        [100, 'wait'],
        [160, 'over'],
      ],
      900,
      120,
    ],
    [
      'stands still while nothing is asked',
      [
        [0, 'wait'],
        [60, 'over'],
      ],
      9_000,
      60,
    ],
    [
      'is forgotten when the next job is answered',
      [
        [0, 'wait'],
        [60, 'over'],
        [100, 'wait'],
        [101, 'heard'],
        [102, 'over'],
      ],
      900,
      1,
    ],
    [
      'is not made longer by an answer that nobody reads',
      [
        [0, 'wait'],
        [5, 'heard'],
        [6, 'over'],
      ],
      900,
      1,
    ],
    ['is not shorter than nothing where a clock is behind', [[10, 'wait']], 5, 0],
  ])('%s', (_, play, now, seconds) => {
    let silence = NO_SILENCE
    for (const [s, event] of play) silence = silenceAfter(silence, event, s * 1_000)
    expect(silenceAt(silence, now * 1_000)).toBe(seconds * 1_000)
  })

  it('never waits for less than nothing', () => {
    const over = silenceAfter(NO_SILENCE, 'over', 0)
    expect(silenceAt(silenceAfter(over, 'wait', 0), 7)).toBe(7)
  })
})

it.each([
  [0, 0, 'sound'],
  [45_000, 0, 'sound'],
  [45_001, 0, 'doubtful'],
  [280_000, 234_000, 'doubtful'],
  [280_001, 234_000, 'hung'],
  // It may be reading a long prompt: nobody has asked, or only now.
  [900_000, 0, 'doubtful'],
  [900_000, 30_000, 'doubtful'],
  [900_000, 30_001, 'hung'],
] as const)(
  'after %i ms of silence, asked %i ms ago for a sign of life, it is %s',
  (ms, askedMs, verdict) => {
    expect(judgeSilence(ms, askedMs, { doubtMs: 45_000, silentMs: 280_000 })).toBe(verdict)
  },
)
