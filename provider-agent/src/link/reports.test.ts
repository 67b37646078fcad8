import { FRAME } from '@infernet/schemas/frame'
import type { Load } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import { CAPABILITY_INTERVAL_MS, FIGURES_INTERVAL_MS, LOAD_INTERVAL_MS } from '../limits.ts'
import { Reports } from './reports.ts'

/** Reports of a changing agent; `sent` holds what was written as text. */
function makeReports() {
  const sent: string[] = []
  const agent = { load: { running: 0, waiting: 0 } as Load, models: 0 }
  const reports = new Reports({
    write: (type, payload) => {
      const name = type === FRAME.load ? 'load' : 'capability'
      sent.push(`${name} ${Buffer.from(payload).toString()}`)
    },
    capability: () => ({ record: `${++agent.models}`, signature: '', hidden: '' }),
    load: () => agent.load,
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

  it('tell of the first change at once, though the agent has just begun', () => {
    const { reports, sent, agent } = makeReports()
    reports.capabilityChanged(0)
    agent.load = { running: 3, waiting: 0 }
    reports.tick(1)
    expect(sent).toHaveLength(2)
  })

  it('tell the load when it changed, once a second at most', () => {
    const { reports, sent, agent } = makeReports()
    const start = 1_000_000
    reports.tick(start)
    expect(sent).toEqual([])
    agent.load = { running: 3, waiting: 0 }
    reports.tick(start + 1)
    agent.load = { running: 0, waiting: 0 }
    reports.tick(start + LOAD_INTERVAL_MS)
    expect(sent).toEqual(['load {"running":3,"waiting":0}'])
    reports.tick(start + LOAD_INTERVAL_MS + 1)
    expect(sent.at(-1)).toBe('load {"running":0,"waiting":0}')
  })

  it('tell how fast and full it is, less often', () => {
    const { reports, sent, agent } = makeReports()
    const start = 1_000_000
    agent.load = { running: 0, waiting: 0, cache_since: 5 }
    reports.tick(start)
    agent.load = { ...agent.load, kv_use: 0.5 }
    reports.tick(start + FIGURES_INTERVAL_MS - 1)
    expect(sent).toHaveLength(1)
    reports.tick(start + FIGURES_INTERVAL_MS)
    expect(sent.at(-1)).toBe('load {"running":0,"waiting":0,"cache_since":5,"kv_use":0.5}')
    agent.load = { ...agent.load, kv_use: 0.6, slots: 2 }
    reports.tick(start + FIGURES_INTERVAL_MS + LOAD_INTERVAL_MS)
    expect(sent).toHaveLength(3)
  })
})
