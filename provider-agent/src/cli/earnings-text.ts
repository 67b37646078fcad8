import type { ProviderEarningsJson } from '@infernet/schemas/provider-earnings'
import pc from 'picocolors'
import { plainText } from '../plain-text.ts'
import { columns } from './columns.ts'
import { grouped, sats } from './human-units.ts'
import { sparkline } from './sparkline.ts'

const DAY_MS = 86_400_000
/** Days of the bars. */
const BAR_DAYS = 30

interface Sum {
  readonly jobs: number
  readonly earned: bigint
  readonly lost: bigint
}

/** Today and the six days before, UTC, at `now` (ms since the epoch). */
export const sumOfDays = (earnings: ProviderEarningsJson, days: number, now: number): Sum =>
  earnings.days
    .filter(({ date }) => date > dateOf(now - days * DAY_MS) && date <= dateOf(now))
    .reduce(
      (sum, day) => ({
        jobs: sum.jobs + day.jobs,
        earned: sum.earned + BigInt(day.earned_msat),
        lost: sum.lost + BigInt(day.lost_msat),
      }),
      { jobs: 0, earned: 0n, lost: 0n },
    )

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** What a provider has earned, as tables, at `now` (ms since the epoch). */
export function earningsText(earnings: ProviderEarningsJson, now: number): string {
  const notice = plainText(earnings.notice ?? '')
  const parts = [
    ...(notice === '' ? [] : [pc.yellow(notice)]),
    periodsText(earnings, now),
    barsText(earnings, now),
    balancesText(earnings),
  ]
  if (earnings.payouts.length > 0) parts.push(payoutsText(earnings.payouts))
  if (earnings.since !== null) {
    parts.push(
      pc.dim(
        `sums are of what came since ${timeOf(earnings.since)}: the edge adds up no more; balances are whole`,
      ),
    )
  }
  return parts.filter((part) => part !== '').join('\n\n')
}

function periodsText(earnings: ProviderEarningsJson, now: number): string {
  const rows: [string, Sum][] = [
    ['today', sumOfDays(earnings, 1, now)],
    ['7 days', sumOfDays(earnings, 7, now)],
    [
      'all time',
      {
        jobs: earnings.jobs,
        earned: BigInt(earnings.earned_msat),
        lost: BigInt(earnings.lost_msat),
      },
    ],
  ]
  const hasLost = rows.some(([, { lost }]) => lost > 0n)
  const head = ['', 'jobs', 'earned (sat)', ...(hasLost ? ['lost (sat)'] : [])]
  return columns(
    [
      head.map((name) => pc.dim(name)),
      ...rows.map(([name, { jobs, earned, lost }]) => [
        pc.dim(name),
        grouped(jobs),
        sats(earned),
        ...(hasLost ? [sats(lost)] : []),
      ]),
    ],
    new Set([1, 2, 3]),
  )
}

const amount = (msat: string): string => sats(BigInt(msat))

/** Nothing where one day or none has earned. */
function barsText({ days }: ProviderEarningsJson, now: number): string {
  if (days.length < 2) return ''
  const byDate = new Map(days.map(({ date, earned_msat }) => [date, BigInt(earned_msat)]))
  const dates = Array.from({ length: BAR_DAYS }, (_, n) =>
    dateOf(now - (BAR_DAYS - 1 - n) * DAY_MS),
  )
  const first = dates.findIndex((date) => byDate.has(date))
  const shown = dates.slice(Math.max(0, first))
  const bars = sparkline(shown.map((date) => byDate.get(date) ?? 0n))
  return `${pc.dim(shown[0] ?? '')} ${pc.green(bars)} ${pc.dim('today')}`
}

function balancesText(earnings: ProviderEarningsJson): string {
  const isHeld = earnings.held_msat !== '0'
  const rows = [
    ['pending', amount(earnings.pending_msat), 'earned, waits for verification'],
    ...(isHeld ? [['held', amount(earnings.held_msat), `of that: ${heldBy(earnings)}`]] : []),
    ['payable', amount(earnings.payable_msat), 'goes out with the next payout'],
    ...(earnings.in_flight_msat === '0'
      ? []
      : [['in flight', amount(earnings.in_flight_msat), 'sent, not arrived yet']]),
    ['paid', amount(earnings.paid_msat), ''],
  ]
  return columns(
    rows.map(([name = '', value = '', what = '']) => [pc.dim(name), value, pc.dim(what)]),
    new Set([1]),
  )
}

const heldBy = ({ standing }: ProviderEarningsJson): string =>
  standing === 'clear'
    ? 'being audited'
    : `you are ${standing}; see infernet-agent slash show, and docs/verification.md`

const STATES: Readonly<
  Record<ProviderEarningsJson['payouts'][number]['state'], (text: string) => string>
> = { open: pc.yellow, paying: pc.yellow, succeeded: pc.green, failed: pc.red }

function payoutsText(payouts: ProviderEarningsJson['payouts']): string {
  const rows = payouts.map(({ id, amount_msat, created_at, failure, state }) => [
    timeOf(created_at),
    sats(BigInt(amount_msat)),
    STATES[state](failure === null ? state : `${state}: ${failure}`),
    pc.dim(id),
  ])
  const head = ['last payouts', 'sat', '', ''].map((name) => pc.dim(name))
  return columns([head, ...rows], new Set([1]))
}

const timeOf = (seconds: number): string =>
  `${new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ')} UTC`
