import { decodeScored, encodeScoreRequest, type Scored } from '@infernet/schemas/audit-wire'
import { MAX_AUDIT_BYTES, MAX_SCORED_CANDIDATES } from '@infernet/schemas/limits'
import type { Position } from '@infernet/schemas/transcript'
import { WireError } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import { ScoreError, type ScoreOrder, type Scorer } from '../engines/score-order.ts'
import { EventLog, type AgentEvent } from '../events.ts'
import { MAX_SCORED_TOKENS, MAX_SCORES_AT_ONCE, MAX_SCORES_WAITING } from '../limits.ts'
import { ScoreDesk } from './score-desk.ts'

interface Pending {
  readonly order: ScoreOrder
  readonly signal: AbortSignal
  readonly resolve: (positions: readonly Position[]) => void
  readonly reject: (error: Error) => void
}

/** A desk whose engine answers when the test lets it. */
function deskOf(role: 'provider' | 'verifier' = 'verifier', canScore = true) {
  const pending: Pending[] = []
  const payloads: Uint8Array[] = []
  const events: AgentEvent[] = []
  const score: Scorer = (order, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Position[]>()
    pending.push({ order, signal, resolve, reject })
    signal.addEventListener('abort', () => reject(ScoreError.aborted()))
    return promise
  }
  const desk = new ScoreDesk({
    role,
    engine: canScore ? { score } : {},
    events: new EventLog((event) => events.push(event), Date.now),
    now: () => 5,
    write: (payload) => payloads.push(payload),
  })
  const ask = (id: number, output: readonly number[] = [1, 2]): void =>
    desk.take(encodeScoreRequest({ id, model: 'm', prompt: [7, 8], output }))
  const answers = (): Scored[] => payloads.map(decodeScored)
  return { desk, ask, answers, payloads, pending, events }
}

const positionsOf = (ids: readonly number[]): Position[] =>
  ids.map((id) => ({ id, logprob: -1, top: [{ id: 3, logprob: -0.5 }] }))

describe('a score desk', () => {
  it('gives the order on and the positions back', async () => {
    const { ask, answers, pending, events } = deskOf()
    ask(9)
    expect(pending[0]?.order).toMatchObject({ model: 'm', prompt: [7, 8], output: [1, 2] })
    pending[0]?.resolve(positionsOf([1, 2]))
    await expect.poll(answers).toEqual([{ id: 9, positions: positionsOf([1, 2]) }])
    expect(events).toEqual([{ event: 'scored', id: 9, model: 'm', tokens: 2, ms: 0 }])
  })

  it('says why there are none', async () => {
    const { ask, answers, pending, events } = deskOf()
    ask(1)
    ask(2)
    pending[0]?.reject(new ScoreError('unknown_model', 'no model here'))
    pending[1]?.resolve([{ id: 1, logprob: Number.NaN, top: [] }])
    await expect.poll(answers).toHaveLength(2)
    expect(answers()).toEqual([
      { id: 1, error: 'no model here' },
      { id: 2, error: expect.stringContaining('no number') },
    ])
    expect(events).toMatchObject([{ event: 'score_failed', id: 1 }, { event: 'score_failed' }])
  })

  it('has so many scored at once, lets so many wait, and refuses the rest', async () => {
    const { ask, answers, pending } = deskOf()
    const most = MAX_SCORES_AT_ONCE + MAX_SCORES_WAITING
    for (let id = 0; id <= most; id++) ask(id)
    expect(pending).toHaveLength(MAX_SCORES_AT_ONCE)
    expect(answers()).toEqual([{ id: most, error: 'too many answers wait here' }])
    for (let id = 0; id < most; id++) {
      await expect.poll(() => pending.length).toBeGreaterThan(id)
      pending[id]?.resolve(positionsOf([1, 2]))
    }
    await expect.poll(() => answers().length).toBe(most + 1)
    expect(answers().slice(1)).toEqual(
      Array.from({ length: most }, (_, id) => ({ id, positions: positionsOf([1, 2]) })),
    )
  })

  it('takes the longest answer whose scores fit a frame', async () => {
    const { ask, answers, payloads, pending } = deskOf()
    const ids = Array.from({ length: MAX_SCORED_TOKENS }, () => 1)
    ask(1, [...ids, 1])
    expect(answers()).toMatchObject([{ id: 1, error: expect.stringContaining('too long') }])
    ask(2, ids)
    const top = Array.from({ length: MAX_SCORED_CANDIDATES }, (_, id) => ({ id, logprob: -3 }))
    pending[0]?.resolve(ids.map((id) => ({ id, logprob: -1, top })))
    await expect.poll(() => payloads.length).toBe(2)
    expect(payloads[1]?.length).toBeLessThanOrEqual(MAX_AUDIT_BYTES)
    expect(decodeScored(payloads[1]!)).toMatchObject({ id: 2, positions: { length: ids.length } })
  })

  it('stops everything when it is closed, and tells whoever waits', async () => {
    const { desk, ask, answers, pending, events } = deskOf()
    const asked = MAX_SCORES_AT_ONCE + 2
    for (let id = 0; id < asked; id++) ask(id)
    desk.close()
    ask(asked)
    expect(pending.every(({ signal }) => signal.aborted)).toBe(true)
    await expect.poll(answers).toHaveLength(asked + 1)
    expect(new Set(answers().map((it) => 'error' in it && it.error))).toEqual(
      new Set(['this verifier is shutting down']),
    )
    expect(pending).toHaveLength(MAX_SCORES_AT_ONCE)
    expect(events).toEqual([])
  })

  it('is none at a provider, nor with an engine that cannot score', async () => {
    const provider = deskOf('provider')
    provider.ask(1)
    expect(provider.answers()).toEqual([
      { id: 1, error: 'this agent is a provider, and scores no answers' },
    ])
    const other = deskOf('verifier', false)
    other.ask(1)
    await expect.poll(other.answers).toEqual([{ id: 1, error: 'the engine cannot score' }])
  })

  it('takes nothing that is no request', () => {
    const { desk } = deskOf()
    expect(() => desk.take(Uint8Array.of(0, 2, 123, 125))).toThrow(WireError)
  })
})
