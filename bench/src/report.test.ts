import { describe, expect, it } from 'vitest'
import { renderMarkdown } from './report.ts'
import { SCENARIOS } from './scenario.ts'
import { rowOf } from './test-row.ts'

const ENVIRONMENT = {
  date: '2026-01-02T03:04:05.000Z',
  commit: 'abc1234',
  node: 'v24.0.0',
  cpu: 'CPU',
  cores: 2,
  loadAverage: 0.5,
  rounds: 3,
}

describe('renderMarkdown', () => {
  const markdown = renderMarkdown({
    environment: ENVIRONMENT,
    scenarios: SCENARIOS,
    rows: [
      rowOf('json-1', 'relay', { latencyP50Us: 1_234, cpuPerRequestUs: 99.96, failures: 2 }),
      rowOf('hang-up', 'portkey', { hangUpWorstUs: Number.POSITIVE_INFINITY }),
    ],
    verdicts: [{ target: 'infernet-node', text: 'a goal', outcome: 'NOT met', ratio: 2.345 }],
    steps: [],
    dispatch: [
      { providers: 1, dispatchNs: 10_000, jobNs: 40_000, dispatchRatio: 1, jobRatio: 1 },
      { providers: 10_000, dispatchNs: 11_999.6, jobNs: 44_000, dispatchRatio: 1.2, jobRatio: 1.1 },
    ],
    failed: { portkey: 'npm install failed' },
  })

  it('has rows as wide as their heads', () => {
    const lines = markdown.split('\n').filter((line) => line.startsWith('|'))
    const widths = new Set<number>()
    for (const [index, line] of lines.entries())
      if (lines[index + 1]?.startsWith('|---')) widths.clear()
      else if (widths.add(line.split('|').length).size > 1) expect.fail(line)
    expect(lines.length).toBeGreaterThan(SCENARIOS.length * 2)
  })

  it('says units, failures and what never happened', () => {
    expect(markdown).toContain('| relay | – | 1.23 | – | – | – | 100.0 | – | – | – | **2** |')
    expect(markdown).toContain('| portkey | – | never | – | 0 |')
    expect(markdown).toContain('| infernet-node | a goal | NOT met | 2.35 |')
    expect(markdown).toContain('| 10000 | 12000 | 1.20 | 44000 | 1.10 |')
    expect(markdown).toContain('**portkey FAILED:**\n\n~~~text\nnpm install failed\n~~~')
  })
})
