import { describe, expect, it } from 'vitest'
import { measureSteps, renderSteps } from './steps.ts'

describe('the steps of a request', () => {
  it('are measured one by one', async () => {
    const names: string[] = []
    const costs = await measureSteps({ rounds: 1, requests: 64 }, (name) => names.push(name))
    expect(costs.length).toBe(names.length)
    expect(costs.every(({ us }) => us > 0)).toBe(true)
    expect(renderSteps(costs).join('\n')).toContain('| open and check its receipt | ')
  })

  it('are not shown when they were not measured', () => {
    expect(renderSteps([])).toEqual([])
  })
})
