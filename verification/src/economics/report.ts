import type { Outcome, Simulation } from './simulation.ts'
import { HONEST, HONEST_VERIFIER } from './strategies.ts'
import { WORKED_EXAMPLES, workOut } from './worked-examples.ts'

const BARS = '▁▂▃▄▅▆▇█'
const LOSS = 'v'
const NOTHING = '.'

/**
 * One character a day: a bar for a gain, its height beside the best day's, `.` for nothing to speak of (less
 * than a hundredth of the best day or the worst) and `v` for a loss.
 */
export function sparkline(daily: readonly bigint[]): string {
  const days = daily.map(Number)
  const extent = Math.max(...days.map(Math.abs))
  const best = Math.max(...days)
  return days
    .map((day) => {
      if (Math.abs(day) * 100 < extent || day === 0) return NOTHING
      return day < 0 ? LOSS : BARS[Math.ceil((day / best) * BARS.length) - 1]
    })
    .join('')
}

/** How every strategy has fared, as a Markdown table; of several players the mean. */
export function marketTable({ outcomes }: Simulation): string {
  const names = [...new Set(outcomes.map(({ name }) => name))]
  const rows = names.map((name) => meanOf(outcomes.filter((outcome) => outcome.name === name)))
  return table(
    ['strategy', 'profit, sat', 'found out on day', 'names', 'hours without work', 'day by day'],
    rows.map((row) => [
      row.name,
      sat(row.profitMsat),
      row.caughtOnDay === undefined ? 'never' : `${row.caughtOnDay}`,
      `${row.identities}`,
      `${Math.round(row.idleHours)}`,
      `\`${sparkline(row.dailyMsat)}\``,
    ]),
  )
}

/** The worked examples, as a Markdown table. */
export const examplesTable = (): string =>
  table(
    ['', 'audited', 'price, msat', 'saved, msat', 'gained until found out, sat', 'security, sat'],
    WORKED_EXAMPLES.map((example) => {
      const worked = workOut(example)
      return [
        example.name,
        `${example.auditRate * 100} %`,
        worked.priceMsat.toFixed(0),
        worked.gainMsat.toFixed(0),
        worked.gainedSat.map((amount) => amount.toFixed(2)).join(' to '),
        worked.securitySat.toFixed(1),
      ]
    }),
  )

/** What the honest earn, msat: as a provider, and as a verifier. */
export const honestProfitMsat = ({
  outcomes,
}: Simulation): [provider: bigint, verifier: bigint] => [
  meanOf(outcomes.filter(({ name }) => name === HONEST.name)).profitMsat,
  meanOf(outcomes.filter(({ name }) => name === HONEST_VERIFIER.name)).profitMsat,
]

function meanOf(outcomes: readonly Outcome[]): Outcome {
  const [first] = outcomes
  if (first === undefined) throw new RangeError('nobody has no mean')
  const n = BigInt(outcomes.length)
  const mean = (amountOf: (outcome: Outcome) => bigint) =>
    outcomes.reduce((sum, outcome) => sum + amountOf(outcome), 0n) / n
  return {
    ...first,
    dailyMsat: first.dailyMsat.map((_, day) => mean(({ dailyMsat }) => dailyMsat[day]!)),
    profitMsat: mean(({ profitMsat }) => profitMsat),
    idleHours: outcomes.reduce((sum, { idleHours }) => sum + idleHours, 0) / outcomes.length,
  }
}

/** Whole satoshis, in groups of three digits. */
const sat = (amountMsat: bigint): string => (amountMsat / 1000n).toLocaleString('en-US')

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}
