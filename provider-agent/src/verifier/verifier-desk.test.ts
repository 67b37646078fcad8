import {
  decodeRendered,
  decodeScored,
  encodeRenderRequest,
  encodeScoreRequest,
  type Rendered,
  type RenderedAnswer,
  type Scored,
} from '@infernet/schemas/audit-wire'
import { FRAME, type FrameType } from '@infernet/schemas/frame'
import {
  MAX_AUDIT_BYTES,
  MAX_COMPARED_TEXT_BYTES,
  MAX_REQUEST_BODY_BYTES,
  MAX_SCORED_CANDIDATES,
} from '@infernet/schemas/limits'
import type { Position } from '@infernet/schemas/transcript'
import { WireError } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import type { RenderOrder } from '../engines/render-order.ts'
import { ScoreError, type ScoreOrder } from '../engines/score-order.ts'
import { EventLog, type AgentEvent } from '../events.ts'
import {
  MAX_ASKS_AT_ONCE,
  MAX_ASKS_WAITING,
  MAX_ASKS_WAITING_BYTES,
  MAX_SCORED_TOKENS,
} from '../limits.ts'
import { VerifierDesk } from './verifier-desk.ts'

interface Pending<Order, Result> extends PromiseWithResolvers<Result> {
  readonly order: Order
  readonly signal: AbortSignal
}

/** Something that answers when the test lets it. */
function holding<Order, Result>() {
  const pending: Pending<Order, Result>[] = []
  const work = (order: Order, signal: AbortSignal): Promise<Result> => {
    const held = { order, signal, ...Promise.withResolvers<Result>() }
    pending.push(held)
    signal.addEventListener('abort', () => held.reject(ScoreError.aborted()))
    return held.promise
  }
  return { pending, work }
}

function deskOf(role: 'provider' | 'verifier' = 'verifier', canWork = true) {
  const scores = holding<ScoreOrder, readonly Position[]>()
  const renderings = holding<RenderOrder, RenderedAnswer>()
  const frames: { readonly type: FrameType; readonly payload: Uint8Array }[] = []
  const events: AgentEvent[] = []
  const desk = new VerifierDesk({
    role,
    engine: canWork ? { score: scores.work, render: renderings.work } : {},
    events: new EventLog((event) => events.push(event), Date.now),
    now: () => 5,
    write: (type, payload) => frames.push({ type, payload }),
  })
  const ask = (id: number, output: readonly number[] = [1, 2]): void =>
    desk.takeScore(encodeScoreRequest({ id, model: 'm', prompt: [7, 8], output }))
  const askRender = (id: number, body = Buffer.from('{}')): void => {
    const request = { id, model: 'm', endpoint: 'completions', continues: false } as const
    desk.takeRender(encodeRenderRequest({ ...request, body, output: [1, 2] }))
  }
  const payloadsOf = (wanted: FrameType): Uint8Array[] =>
    frames.filter(({ type }) => type === wanted).map(({ payload }) => payload)
  const answers = (): Scored[] => payloadsOf(FRAME.scored).map(decodeScored)
  const rendered = (): Rendered[] => payloadsOf(FRAME.rendered).map(decodeRendered)
  const { pending } = scores
  return { desk, ask, askRender, answers, rendered, frames, pending, renderings, events }
}

const positionsOf = (ids: readonly number[]): Position[] =>
  ids.map((id) => ({ id, logprob: -1, top: [{ id: 3, logprob: -0.5 }] }))

describe('a verifier desk', () => {
  it('gives the order on and the positions back', async () => {
    const { ask, answers, pending, events } = deskOf()
    ask(9)
    expect(pending[0]?.order).toMatchObject({ model: 'm', prompt: [7, 8], output: [1, 2] })
    pending[0]?.resolve(positionsOf([1, 2]))
    await expect.poll(answers).toEqual([{ id: 9, positions: positionsOf([1, 2]) }])
    expect(events).toEqual([{ event: 'scored', id: 9, model: 'm', tokens: 2, ms: 0 }])
  })

  it('gives a request on and its rendering back', async () => {
    const { askRender, rendered, renderings, events } = deskOf()
    askRender(9, Buffer.from('{"prompt":"é"}'))
    const [asked] = renderings.pending
    expect(asked?.order).toMatchObject({
      endpoint: 'completions',
      continues: false,
      output: [1, 2],
    })
    expect(Buffer.from(asked?.order.body ?? []).toString()).toBe('{"prompt":"é"}')
    asked?.resolve({ prompt: [4, 5], text: 'so' })
    await expect.poll(rendered).toEqual([{ id: 9, prompt: [4, 5], text: 'so' }])
    expect(events).toEqual([{ event: 'rendered', id: 9, model: 'm', tokens: 2, ms: 0 }])
  })

  it('says why there is nothing', async () => {
    const { ask, askRender, answers, rendered, pending, renderings, events } = deskOf()
    ask(1)
    ask(2)
    askRender(3)
    askRender(4)
    pending[0]?.reject(new ScoreError('unknown_model', 'no model here'))
    pending[1]?.resolve([{ id: 1, logprob: Number.NaN, top: [] }])
    renderings.pending[0]?.reject(new ScoreError('bad_request', 'no such role'))
    const text = 'x'.repeat(MAX_COMPARED_TEXT_BYTES + 1)
    renderings.pending[1]?.resolve({ prompt: [1], text })
    await expect.poll(() => [...answers(), ...rendered()]).toHaveLength(4)
    expect([...answers(), ...rendered()]).toEqual([
      { id: 1, error: 'no model here' },
      { id: 2, error: expect.stringContaining('no number') },
      { id: 3, error: 'no such role' },
      { id: 4, error: expect.stringContaining('too long') },
    ])
    const failed = events.map(({ event }) => event)
    expect(failed.toSorted()).toEqual([
      'render_failed',
      'render_failed',
      'score_failed',
      'score_failed',
    ])
  })

  it('has so many worked on at once, lets so many wait, and refuses the rest', async () => {
    const { ask, answers, pending } = deskOf()
    const most = MAX_ASKS_AT_ONCE + MAX_ASKS_WAITING
    for (let id = 0; id <= most; id++) ask(id)
    expect(pending).toHaveLength(MAX_ASKS_AT_ONCE)
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

  it('lets only so many bytes wait', () => {
    const { askRender, rendered } = deskOf()
    const body = Buffer.alloc(MAX_REQUEST_BODY_BYTES)
    const room = Math.floor(MAX_ASKS_WAITING_BYTES / (body.length + 1_000))
    const most = MAX_ASKS_AT_ONCE + room
    for (let id = 0; id < most; id++) askRender(id, body)
    expect(rendered()).toEqual([])
    askRender(most, body)
    expect(rendered()).toEqual([{ id: most, error: 'too many answers wait here' }])
  })

  it('takes the longest answer whose scores fit a frame', async () => {
    const { ask, answers, frames, pending } = deskOf()
    const ids = Array.from({ length: MAX_SCORED_TOKENS }, () => 1)
    ask(1, [...ids, 1])
    expect(answers()).toMatchObject([{ id: 1, error: expect.stringContaining('too long') }])
    ask(2, ids)
    const top = Array.from({ length: MAX_SCORED_CANDIDATES }, (_, id) => ({ id, logprob: -3 }))
    pending[0]?.resolve(ids.map((id) => ({ id, logprob: -1, top })))
    await expect.poll(() => frames.length).toBe(2)
    const { payload } = frames[1]!
    expect(payload.length).toBeLessThanOrEqual(MAX_AUDIT_BYTES)
    expect(decodeScored(payload)).toMatchObject({ id: 2, positions: { length: ids.length } })
  })

  it('stops everything when it is closed, and tells whoever waits', async () => {
    const { desk, ask, askRender, answers, rendered, pending, renderings, events } = deskOf()
    const asked = MAX_ASKS_AT_ONCE + 2
    for (let id = 1; id < asked; id++) ask(id)
    askRender(asked)
    desk.close()
    ask(asked + 1)
    askRender(asked + 2)
    expect(pending.every(({ signal }) => signal.aborted)).toBe(true)
    await expect.poll(answers).toHaveLength(asked)
    const told = [...answers(), ...rendered()]
    expect(told).toHaveLength(asked + 2)
    expect(new Set(told.map((it) => 'error' in it && it.error))).toEqual(
      new Set(['this verifier is shutting down']),
    )
    expect(pending).toHaveLength(MAX_ASKS_AT_ONCE)
    expect(renderings.pending).toEqual([])
    expect(events).toEqual([])
  })

  it('is none at a provider, nor with an engine that cannot', () => {
    const provider = deskOf('provider')
    provider.ask(1)
    provider.askRender(2)
    const reason = 'this agent is a provider, and verifies no answers'
    expect([...provider.answers(), ...provider.rendered()]).toEqual([
      { id: 1, error: reason },
      { id: 2, error: reason },
    ])
    const other = deskOf('verifier', false)
    other.ask(1)
    other.askRender(2)
    expect(other.answers()).toEqual([{ id: 1, error: 'the engine cannot score' }])
    expect(other.rendered()).toEqual([{ id: 2, error: 'the engine cannot render' }])
  })

  it('takes nothing that is no request', () => {
    const { desk } = deskOf()
    expect(() => desk.takeScore(Uint8Array.of(0, 2, 123, 125))).toThrow(WireError)
    expect(() => desk.takeRender(Uint8Array.of(0, 2, 123, 125))).toThrow(WireError)
  })
})
