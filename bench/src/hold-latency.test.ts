import { describe, expect, it } from 'vitest'
import {
  type HoldLatency,
  judgeHoldLatency,
  measureHoldLatency,
  renderHoldLatency,
} from './hold-latency.ts'

const latency = (ratio: number): HoldLatency => ({
  edgeUs: 500,
  holdUs: 20,
  captureUs: 20,
  commitUs: 5,
  ratio,
})

describe('what paying adds to a request', () => {
  it('is measured on a whole edge, with a provider behind a socket', async () => {
    const measured = await measureHoldLatency({ rounds: 1, requests: 80 }, () => undefined)
    expect(measured.holdUs).toBeGreaterThan(0)
    expect(measured.captureUs).toBeGreaterThan(0)
    expect(measured.edgeUs).toBeGreaterThan(measured.holdUs)
    expect(renderHoldLatency(measured).join('\n')).toContain('| hold and capture | ')
  })

  it('is judged by its share, and fails where there is none', () => {
    expect(judgeHoldLatency(latency(0.09))).toMatchObject([{ outcome: 'met', ratio: 0.09 }])
    expect(judgeHoldLatency(latency(0.1))).toMatchObject([{ outcome: 'NOT met' }])
    expect(judgeHoldLatency(latency(-1))).toMatchObject([{ outcome: 'NOT met' }])
  })

  it('is neither judged nor shown when it was not measured', () => {
    expect(judgeHoldLatency(undefined)).toEqual([])
    expect(renderHoldLatency(undefined)).toEqual([])
  })
})
