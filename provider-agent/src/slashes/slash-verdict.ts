import type { ReceiptStatement } from '@infernet/schemas/receipt'
import type { SlashFacts } from '@infernet/schemas/slash-facts'

/** What a step has found: it is as it must be, it is not, it convicts the provider, or nothing follows from it. */
export type Found = 'good' | 'bad' | 'convicts' | 'nothing'

/** One step of the way to a verdict. */
export interface Check {
  readonly name: string
  readonly found: Found
  readonly detail: string
}

/**
 * `convicts`: whoever trusts what it rests on must come to the same. `acquits`: it is sound, and does not prove an
 * offence. `unsound`: it is not what was published, or not what its provider has signed.
 */
export interface SlashVerdict {
  readonly verdict: 'convicts' | 'acquits' | 'unsound'
  readonly checks: readonly Check[]
  /** Whose word it takes beside the provider's own signature. */
  readonly restsOn: readonly string[]
}

export const unsound = (checks: readonly Check[]): SlashVerdict => ({
  verdict: 'unsound',
  checks,
  restsOn: [],
})

export const isBroken = (checks: readonly Check[]): boolean =>
  checks.some(({ found }) => found === 'bad')

/** Whether a slash was published as of the answer that the receipt is of. */
export function factsCheck(
  { claim, lease, model, provider }: ReceiptStatement,
  facts: SlashFacts,
): Check {
  const name = 'facts'
  const said = { provider, lease, model, spec: claim?.spec }
  const wrong = Object.entries(said).find(
    ([field, value]) => facts[field as keyof typeof said] !== value,
  )
  if (wrong !== undefined)
    return { name, found: 'bad', detail: `the published ${wrong[0]} is not the receipt’s` }
  const detail = 'the published provider, lease, model and spec are the receipt’s'
  return { name, found: 'good', detail }
}
