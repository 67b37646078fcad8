import { FRAME } from '@infernet/schemas/frame'
import { describe, expect, it } from 'vitest'
import { CAPABILITY_INTERVAL_MS, LOAD_INTERVAL_MS } from '../limits.ts'
import { Reports } from './reports.ts'

/** Reports of a changing agent; `sent` holds what was written as text. */
function makeReports() {
  const sent: string[] = []
  const agent = { running: 0, models: 0 }
  const reports = new Reports({
    write: (type, payload) => {
      const name = type === FRAME.load ? 'load' : 'capability'
      sent.push(`${name} ${Buffer.from(payload).toString()}`)
    },
    capability: () => ({
      models: [],
      slots: ++agent.models,
      data_collection: 'deny',
      engine: 'e',
      agent: 'a',
    }),
    running: () => agent.running,
  })
  return { reports, sent, agent }
}

describe('reports', () => {
  it('tell of a change at once, and of more changes when time has passed', () => {
    const { reports, sent } = makeReports()
    const start = 1_000_000
    reports.capabilityChanged(start)
    reports.capabilityChanged(start + 1)
    reports.tick(start + CAPABILITY_INTERVAL_MS - 1)
    expect(sent).toHaveLength(1)
    reports.tick(start + CAPABILITY_INTERVAL_MS)
    reports.tick(start + 10 * CAPABILITY_INTERVAL_MS)
    expect(sent).toHaveLength(2)
  })

  it('tell the load when it changed, once a second at most', () => {
    const { reports, sent, agent } = makeReports()
    const start = 1_000_000
    reports.tick(start)
    expect(sent).toEqual([])
    agent.running = 3
    reports.tick(start + 1)
    agent.running = 0
    reports.tick(start + LOAD_INTERVAL_MS)
    expect(sent).toEqual(['load {"running":3,"waiting":0}'])
    reports.tick(start + LOAD_INTERVAL_MS + 1)
    expect(sent.at(-1)).toBe('load {"running":0,"waiting":0}')
  })
})
