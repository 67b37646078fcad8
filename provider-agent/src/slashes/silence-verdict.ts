import type { SlashFacts } from '@infernet/schemas/slash-facts'
import type { OpenedSilence } from '@infernet/verification/verdict/silence-evidence'
import { factsCheck, isBroken, unsound, type Check, type SlashVerdict } from './slash-verdict.ts'

const EDGES_WORD =
  'the edge’s word that it asked, that the provider was connected, and that it was shown nothing'

/** The verdict that silence leads to, after the `checks` that were made before. `facts`: what was published of it. */
export function silenceVerdict(
  { provider, refused }: OpenedSilence,
  facts: SlashFacts | undefined,
  before: readonly Check[],
): SlashVerdict {
  const signed = `${refused.length} answers, each signed by ${provider} with what it commits to`
  const latest = refused.at(-1)
  const published =
    facts === undefined || latest === undefined ? [] : [factsCheck(latest.statement, facts)]
  const checks: Check[] = [
    ...before,
    { name: 'receipts', found: 'good', detail: signed },
    ...published,
  ]
  if (isBroken(checks)) return unsound(checks)
  const [first, last] = [refused[0], latest].map((one) => timeOf(one?.askedAt ?? 0))
  const detail = `asked from ${first} to ${last} to show them, it showed none`
  checks.push({ name: 'silence', found: 'convicts', detail })
  return { verdict: 'convicts', checks, restsOn: [EDGES_WORD] }
}

const timeOf = (ms: number): string => new Date(ms).toISOString()
