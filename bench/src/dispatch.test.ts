import { describe, expect, it } from 'vitest'
import { judgeDispatch, renderDispatch, type DispatchRow } from './dispatch.ts'
import { SimulatedHub } from './simulated-hub.ts'

const row = (providers: number, jobRatio: number): DispatchRow => ({
  providers,
  dispatchNs: 10_000,
  jobNs: 40_000 * jobRatio,
  dispatchRatio: jobRatio,
  jobRatio,
})

describe('dispatch', () => {
  it('is judged by the dearest hub', () => {
    expect(judgeDispatch([row(1, 1), row(100, 0.9), row(10_000, 1.2)])).toMatchObject([
      { outcome: 'met', ratio: 1.2 },
    ])
    expect(judgeDispatch([row(1, 1), row(100, 1.21), row(10_000, 1)])).toMatchObject([
      { outcome: 'NOT met', ratio: 1.21 },
    ])
  })

  it('is neither judged nor shown when it was not measured', () => {
    expect(judgeDispatch([])).toEqual([])
    expect(renderDispatch([])).toEqual([])
  })
})

describe('a simulated hub', () => {
  it.each([1, 40])('completes every job with %i providers', async (providers) => {
    const cost = await new SimulatedHub(providers).run(20)
    expect(cost.jobNs).toBeGreaterThanOrEqual(cost.dispatchNs)
    expect(cost.jobNs).toBeGreaterThan(0)
  })
})
