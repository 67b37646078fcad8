import { describe, expect, it } from 'vitest'
import { judgeUnanswered, questionMs, STUCK_BOUNDS, type Unanswered } from './stuck-rule.ts'

const alone: Unanswered = {
  questions: 2,
  hasMoved: false,
  heardMs: 220_000,
  unheard: 0,
  doubtMs: 160_000,
}

describe('a model that leaves a question of one token unanswered', () => {
  it.each<[string, Partial<Unanswered>, ReturnType<typeof judgeUnanswered>]>([
    ['once is asked again', { questions: 1 }, 'doubtful'],
    ['twice is stuck', {}, 'stuck'],
    ['is so although it never said a word', { heardMs: Infinity }, 'stuck'],
    ['is well where it was busy with an answer', { hasMoved: true }, 'sound'],
    ['the same the first time', { questions: 1, hasMoved: true }, 'sound'],
    ['is asked again where its server answers others', { heardMs: 44_999 }, 'doubtful'],
    ['however often', { questions: 99, heardMs: 0, doubtMs: 9_000_000 }, 'doubtful'],
    ['not where that is long ago', { heardMs: 45_000 }, 'stuck'],
    ['is asked again while a whole answer is out', { unheard: 1 }, 'doubtful'],
    ['until that would have come', { unheard: 1, doubtMs: 240_000 }, 'stuck'],
    ['also where it is the last of many', { unheard: 9, questions: 3, doubtMs: 260_000 }, 'stuck'],
    ['is well when such an answer came', { unheard: 1, doubtMs: 260_000, hasMoved: true }, 'sound'],
  ])('%s', (_, more, verdict) => {
    expect(judgeUnanswered({ ...alone, ...more }, STUCK_BOUNDS)).toBe(verdict)
  })

  it.each([
    [1, 60_000],
    [2, 90_000],
    [3, 90_000],
  ])('has for question %i %i ms', (question, ms) => {
    expect(questionMs(question, STUCK_BOUNDS)).toBe(ms)
  })

  it('has for both longer than llama-server takes over a step of 2,048 tokens, 30 of them a second', () => {
    const stepMs = (2_048 / 30) * 1_000
    expect(questionMs(2, STUCK_BOUNDS)).toBeGreaterThan(stepMs)
    expect(questionMs(1, STUCK_BOUNDS) + STUCK_BOUNDS.pauseMs).toBeGreaterThan(stepMs)
  })

  it('is withdrawn within four minutes of its first silent stream, which its edge drops after one', () => {
    const ms = questionMs(1, STUCK_BOUNDS) + STUCK_BOUNDS.pauseMs + questionMs(2, STUCK_BOUNDS)
    expect(60_000 + ms).toBeLessThanOrEqual(240_000)
  })
})
