import type { SlashFacts } from '@infernet/schemas/slash-facts'
import pc from 'picocolors'
import type { Check, Found, SlashVerdict } from '../slashes/slash-verdict.ts'
import { plainTexts } from '../plain-text.ts'
import { columns } from './columns.ts'

const MARKS: Readonly<Record<Found, string>> = {
  good: pc.green('✓'),
  bad: pc.red('✗'),
  convicts: pc.yellow('!'),
  nothing: pc.dim('·'),
}

const VERDICTS: Readonly<Record<SlashVerdict['verdict'], string>> = {
  convicts: pc.bold('the evidence convicts'),
  acquits: pc.bold('the evidence does not convict'),
  unsound: pc.bold(pc.red('the evidence does not hold')),
}

/** For people: each check, the verdict, and whose word it takes. */
export function verdictText(found: SlashVerdict): string {
  const { checks, verdict, restsOn } = plainTexts(found)
  const rests = restsOn.map((whose) => `  it takes ${whose}`)
  return [...checks.map(checkText), '', VERDICTS[verdict], ...rests].join('\n')
}

const checkText = ({ name, found, detail }: Check): string =>
  `${MARKS[found]} ${name.padEnd(16)}${found === 'convicts' ? 'convicts: ' : ''}${detail}`

/** For people: what an edge tells of a slash. */
export function slashText(told: SlashFacts): string {
  const facts = plainTexts(told)
  const { refunded_msat: refunded, forfeited_msat: forfeited } = facts
  const rows: (readonly [string, string])[] = [
    ['slash', pc.bold(facts.id)],
    ['state', facts.state],
    ['provider', facts.provider],
    ['model', `${facts.model} ${pc.dim(`(spec ${facts.spec})`)}`],
    ['answer', facts.lease],
    ['evidence', `SHA-256 ${facts.evidence_sha256}${facts.evidence_open ? '' : ', private'}`],
    ['opened', time(facts.opened_at)],
    ['undoes from', time(facts.affected_from)],
    ['appeal until', time(facts.appeal_until)],
    ...optional('appealed', facts.appealed_at),
    ...optional('decided', facts.decided_at),
    ...(refunded === null ? [] : [['refunded', `${refunded} msat`] as const]),
    ...(forfeited === null ? [] : [['forfeited', `${forfeited} msat`] as const]),
  ]
  return columns(rows)
}

const time = (seconds: number): string => new Date(seconds * 1000).toISOString()
const optional = (name: string, seconds: number | null): (readonly [string, string])[] =>
  seconds === null ? [] : [[name, time(seconds)]]
