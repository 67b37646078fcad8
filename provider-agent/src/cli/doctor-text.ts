import pc from 'picocolors'
import type { CheckResult, Outcome } from '../doctor/check.ts'
import { plainTexts } from '../plain-text.ts'
import { columns } from './columns.ts'

const MARKS: Readonly<Record<Outcome, string>> = {
  ok: pc.green('✓'),
  warning: pc.yellow('!'),
  failed: pc.red('✗'),
  skipped: pc.dim('–'),
}

/** For people: a row for each check, and below it what to type. */
export function doctorText(results: readonly CheckResult[]): string {
  const rows = plainTexts(results).flatMap(({ name, outcome, said, fix }) => {
    const row = [MARKS[outcome], name, outcome === 'skipped' ? pc.dim(said) : said]
    return fix === undefined ? [row] : [row, ['', '', `${pc.cyan('→')} ${fix}`]]
  })
  return `${columns(rows)}\n\n${summary(results)}`
}

function summary(results: readonly CheckResult[]): string {
  const count = (outcome: Outcome): number =>
    results.filter((result) => result.outcome === outcome).length
  const [failures, warnings] = [count('failed'), count('warning')]
  if (failures > 0) return `${checks(failures)} failed: do what the arrows say, then try again.`
  return warnings > 0 ? `It works. ${checks(warnings)} could be better.` : 'All is well.'
}

const checks = (n: number): string => (n === 1 ? '1 check' : `${n} checks`)
