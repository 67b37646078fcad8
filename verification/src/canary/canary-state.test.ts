import { describe, expect, it } from 'vitest'
import { moveCanary, planCanary, type Canary } from './canary-plan.ts'
import {
  CANARY_TRANSITIONS,
  nextCanaryState,
  type CanaryEvent,
  type CanaryState,
} from './canary-state.ts'

const EVENTS: CanaryEvent[] = ['send', 'judge', 'disclose']

/** Written out once more, event by event in the order above; `-` is illegal. */
const EXPECTED: Record<CanaryState, string> = {
  planned: 'sent - disclosed',
  sent: '- judged disclosed',
  judged: '- - disclosed',
  disclosed: '- - -',
}
const PAIRS = (Object.keys(EXPECTED) as CanaryState[]).flatMap((state) =>
  EXPECTED[state]
    .split(' ')
    .map((next, i): [CanaryState, CanaryEvent, string] => [state, EVENTS[i] ?? 'send', next]),
)

const fresh: Omit<Canary, 'state'> = {
  id: 'c1',
  provider: 'p1',
  spec: 's1',
  promptKey: 'k1',
  shape: {
    promptChars: 100,
    messages: 1,
    hasSystem: false,
    stream: true,
    maxTokens: null,
    temperature: null,
    topP: null,
    hour: 9,
    interArrivalMs: 1000,
  },
}

describe('a canary', () => {
  it.each(PAIRS)('that is %s, on %s: %s', (state, event, next) => {
    if (next !== '-') expect(nextCanaryState(state, event)).toBe(next)
    else
      expect(() => nextCanaryState(state, event)).toThrow(
        expect.objectContaining({ name: 'CanaryError', code: 'illegal_move' }),
      )
  })

  it('knows no state or event beyond these', () => {
    expect(PAIRS).toHaveLength(Object.keys(CANARY_TRANSITIONS).length * EVENTS.length)
    for (const row of Object.values(CANARY_TRANSITIONS))
      expect(EVENTS).toEqual(expect.arrayContaining(Object.keys(row)))
  })

  it('is sent once', () => {
    const sent = moveCanary(planCanary(fresh, new Set()), 'send')
    expect(sent).toEqual({ ...fresh, state: 'sent' })
    expect(() => moveCanary(sent, 'send')).toThrow('cannot send')
  })

  it('has a prompt that no other had', () => {
    expect(() => planCanary({ ...fresh, provider: 'p2' }, new Set(['k1']))).toThrow(
      expect.objectContaining({ code: 'prompt_reused' }),
    )
  })
})
