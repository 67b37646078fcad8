import { describe, expect, it } from 'vitest'
import { summarize } from './test-summary.ts'

const test = (status: string, title: string, ...ancestorTitles: string[]) => ({
  status,
  title,
  ancestorTitles,
})

describe('summarize', () => {
  it('counts, and names once what each skipped suite needs', () => {
    const suite = 'PostgreSQL (needs a server: apt-get install postgresql)'
    const assertionResults = [
      test('passed', 'a'),
      test('failed', 'b'),
      test('skipped', 'c', suite, 'port'),
      test('pending', 'd', suite),
      test('todo', 'e'),
    ]
    expect(summarize({ testResults: [{ name: 'x', assertionResults }] })).toEqual({
      lines: [`skipped 2: ${suite}`, 'skipped 1: e', '1 passed, 1 failed, 3 skipped'],
      skipped: 3,
    })
  })
})
