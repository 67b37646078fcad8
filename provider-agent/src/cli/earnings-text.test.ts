import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { ProviderEarningsJson } from '@infernet/schemas/provider-earnings'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { earningsText, sumOfDays } from './earnings-text.ts'
import { duration, sats } from './human-units.ts'
import { sparkline } from './sparkline.ts'

const NOW = Date.UTC(2026, 5, 20, 12)
const day = (date: string, sat: number) => ({
  date,
  jobs: sat,
  earned_msat: `${sat}000`,
  lost_msat: '0',
})
const earnings = (changes: Partial<ProviderEarningsJson> = {}): ProviderEarningsJson => ({
  object: 'provider_earnings',
  provider: '12D3',
  standing: 'clear',
  pending_msat: '2500',
  held_msat: '0',
  payable_msat: '1234567000',
  in_flight_msat: '0',
  paid_msat: '0',
  earned_msat: '1234569500',
  lost_msat: '0',
  jobs: 9,
  since: null,
  days: [],
  payouts: [],
  ...changes,
})

/** What a terminal with colours is shown of them: those are chosen when the program starts. */
function inColour(of: ProviderEarningsJson): string {
  const module = join(import.meta.dirname, 'earnings-text.ts')
  const script = `import { earningsText } from ${JSON.stringify(module)}
    process.stdout.write(earningsText(${JSON.stringify(of)}, ${NOW}))`
  const env: NodeJS.ProcessEnv = { ...process.env, FORCE_COLOR: '1' }
  delete env['NO_COLOR']
  const args = ['--input-type=module', '--eval', script]
  return spawnSync(process.execPath, args, { encoding: 'utf8', env }).stdout
}

describe('earnings as text', () => {
  it('begin with the edge’s notice, in yellow, or with the table', () => {
    const [notice, gap] = inColour(earnings({ notice: 'soon' })).split('\n')
    expect([notice, gap]).toEqual(['\u001B[33msoon\u001B[39m', ''])
    const [first = ''] = inColour(earnings()).split('\n')
    expect(first).toContain('jobs')
  })

  it('are those of today, of seven days, and of all time', () => {
    const days = [day('2026-06-20', 1), day('2026-06-14', 2), day('2026-06-13', 4)]
    expect(sumOfDays(earnings({ days }), 1, NOW)).toEqual({ jobs: 1, earned: 1_000n, lost: 0n })
    expect(sumOfDays(earnings({ days }), 7, NOW)).toMatchObject({ earned: 3_000n })
    const text = earningsText(earnings({ days }), NOW)
    expect(text).toMatch(
      /^ +jobs +earned \(sat\)\ntoday +1 +1\n7 days +3 +3\nall time +9 +1,234,569\.5\n/,
    )
    expect(text).toContain('2026-06-13 █▅▁▁▁▁▁▃ today')
    expect(text).toMatch(/pending +2\.5 +earned, waits/)
    expect(text).not.toMatch(/held|lost|in flight|payouts|since/)
  })

  it('say first that they are no money, where the edge says so', () => {
    const notice = 'SIMULATED: no real money.'
    expect(earningsText(earnings({ notice }), NOW)).toMatch(/^SIMULATED: no real money\.\n\n/)
  })

  it('say what is held and why, what was lost, and how payouts went', () => {
    const payout = {
      id: 'po_1',
      amount_msat: '5000',
      state: 'failed' as const,
      failure: 'no_route',
      created_at: NOW / 1000,
      finished_at: null,
    }
    const held = { held_msat: '2500', lost_msat: '7000', since: NOW / 1000, payouts: [payout] }
    const text = earningsText(earnings({ ...held, standing: 'suspended' }), NOW)
    expect(text).toMatch(/held +2\.5 +of that: you are suspended; see infernet-agent slash show/)
    expect(text).toMatch(/all time +9 +1,234,569\.5 +7\n/)
    expect(text).toMatch(/2026-06-20 12:00 UTC +5 +failed: no_route +po_1/)
    expect(text).toContain('since 2026-06-20 12:00 UTC')
    expect(earningsText(earnings(held), NOW)).toContain('of that: being audited')
  })
})

describe('the bars', () => {
  it('are as many as the values, rise with them, and show what is not zero', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 0n, max: 10n ** 18n })), (values) => {
        const bars = [...sparkline(values)]
        expect(bars).toHaveLength(values.length)
        for (const [i, value] of values.entries()) {
          expect(bars[i] === '▁').toBe(value === 0n)
          for (const [j, other] of values.entries()) {
            if (value >= other) expect(bars[i]! >= bars[j]!).toBe(true)
          }
        }
      }),
    )
  })
})

describe('units for people', () => {
  it.each([
    [0, '0 s'],
    [59_400, '59 s'],
    [60_000, '1 min'],
    [3_600_000, '1 h'],
    [12_000_000, '3 h 20 min'],
    [187_200_000, '2 d 4 h'],
  ])('%i ms: %s', (ms, text) => {
    expect(duration(ms)).toBe(text)
  })

  it.each([
    [0n, '0'],
    [1n, '0.001'],
    [12_500n, '12.5'],
    [1_234_567_000n, '1,234,567'],
  ])('%i msat: %s', (msat, text) => {
    expect(sats(msat)).toBe(text)
  })
})
