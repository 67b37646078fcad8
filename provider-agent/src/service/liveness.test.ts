import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AgentEvent } from '../events.ts'
import { dutyAfter, isWedged, type LinkDuty } from './liveness.ts'

const HOUR_MS = 3_600_000
const connecting: AgentEvent = { event: 'connecting', edge: 'wss://e', attempt: 1 }
const connected: AgentEvent = { event: 'connected', edge: 'wss://e', peer: 'p', session: 's' }
const disconnected = (retryMs: number): AgentEvent => ({
  event: 'disconnected',
  reason: 'r',
  next_step: 'n',
  retry_ms: retryMs,
})
const draining: AgentEvent = { event: 'draining', running: 1, grace_ms: HOUR_MS }
const busy: AgentEvent = { event: 'job_busy', reason: 'slots', model: 'm' }

const after = (events: readonly AgentEvent[]): LinkDuty =>
  events.reduce<LinkDuty>((duty, event) => dutyAfter(duty, event, 0), undefined)

describe('liveness', () => {
  it('gives every dial and every pause their time, and no more', () => {
    for (const [event, ms] of [
      [connecting, 22_000],
      [disconnected(30_000), 30_000],
    ] as const) {
      expect(isWedged(after([event]), ms)).toBe(false)
      expect(isWedged(after([event]), ms + 31_000)).toBe(true)
    }
  })

  it('waits for ever while the engine starts, the edge has us, or jobs are finished', () => {
    for (const last of [connected, draining])
      expect(isWedged(after([connecting, last]), HOUR_MS)).toBe(false)
    expect(isWedged(after([{ event: 'engine_starting', engine: 'tiny' }]), HOUR_MS)).toBe(false)
  })

  it('never kills an agent whose edge is away, however often and whatever else happens', () => {
    const retries = fc.array(fc.record({ retryMs: fc.nat(60_000), dialMs: fc.nat(22_000) }), {
      maxLength: 20,
    })
    fc.assert(
      fc.property(retries, (rounds) => {
        let at = 0
        let duty: LinkDuty
        const step = (event: AgentEvent, ms: number): void => {
          at += ms
          expect(isWedged(duty, at)).toBe(false)
          duty = dutyAfter(duty, event, at)
          duty = dutyAfter(duty, busy, at)
        }
        for (const { retryMs, dialMs } of rounds) {
          step(connecting, 0)
          step(disconnected(retryMs), dialMs)
          step(connecting, retryMs)
        }
      }),
    )
  })
})
