import { expect, it } from 'vitest'
import { crashReport, type CrashRun } from './crash-report.ts'

const run: CrashRun = {
  host: 'node',
  seed: 7,
  startedAt: Date.UTC(2026, 10, 27, 1, 2),
  endedAt: Date.UTC(2026, 10, 27, 1, 3),
  pairs: 459,
  kills: [
    { flow: 'topup', step: 'credit:before', victim: 'edge' },
    { flow: 'topup', step: 'credit:before', victim: 'edge' },
    { flow: 'request', step: 'paid', victim: 'database' },
  ],
  reconciled: 2,
  failure: undefined,
}

it('counts who was killed where', () => {
  const lines = crashReport(run).split('\n')
  expect(lines).toContain('| topup | `credit:before` | 0 | 2 | 0 |')
  expect(lines).toContain('| request | `paid` | 0 | 0 | 1 |')
  expect(lines.join(' ')).toContain('seed 7: 3 kills in 60 s, at 2 of 459 pairs')
  expect(lines.join(' ')).toContain('Reconciled 2 times: 0 msat drift')
})

it('says why a run has failed, and claims nothing then', () => {
  const text = crashReport({ ...run, failure: 'stuck' })
  expect(text).toContain('**Failed** after 2 reconciliations without drift: stuck')
  expect(text).not.toContain('Reconciled 2 times')
})
