import type { CountersignatureVerdict } from '@infernet/schemas/delivery-statement'
import type { ReceiptVerdict } from '@infernet/schemas/receipt'
import pc from 'picocolors'
import { plainTexts } from '../plain-text.ts'
import type { Compared, WholeVerdict } from '../receipts/whole-receipt.ts'

type Reason<Verdict> =
  Extract<Verdict, { readonly ok: false }> extends { reason: infer R } ? R & string : never

const REASONS: Readonly<Record<Reason<ReceiptVerdict>, string>> = {
  malformed: 'it holds no receipt statement',
  path: 'its Merkle path has the wrong length',
  signature: 'the signature is not the provider’s over this statement',
}

const EDGE_REASONS: Readonly<Record<Reason<CountersignatureVerdict>, string>> = {
  malformed: 'it holds no statement of a delivery',
  issuer: 'it is by another edge',
  signature: 'the signature is not the edge’s over this statement',
}

const GOOD = pc.green('good')
const BAD = pc.red('bad')

/** What a provider has signed, as a line. */
export function receiptText(verdict: ReceiptVerdict): string {
  if (!verdict.ok) return `${BAD}   ${REASONS[verdict.reason]}`
  const { lease, model, provider, usage } = plainTexts(verdict.statement)
  return `${GOOD}  ${lease}  ${model}  ${tokens(usage)}  by ${provider}`
}

/** What an edge has signed, as a line. */
function deliveryText(verdict: CountersignatureVerdict): string {
  if (!verdict.ok) return `${BAD}   ${EDGE_REASONS[verdict.reason]}`
  const { cost_msat: cost, issuer, job, model, usage } = plainTexts(verdict.statement)
  return `${GOOD}  ${job}  ${model}  ${tokens(usage)}  ${cost} msat  by ${issuer}`
}

/** A whole receipt: both signatures, and what agrees. */
export function wholeText(verdict: WholeVerdict): string {
  const { ok, id, provider, edge, compared } = plainTexts(verdict)
  const rows = [
    `${ok ? GOOD : BAD}  ${id}`,
    `  provider  ${provider === null ? pc.dim('has signed nothing') : receiptText(provider)}`,
    `  edge      ${edge === null ? pc.dim('has signed nothing') : deliveryText(edge)}`,
    ...compared.map(comparedText),
  ]
  return rows.join('\n')
}

const MARKS: Readonly<Record<Compared['verdict'], string>> = {
  agrees: pc.green('✓'),
  differs: pc.yellow('≠'),
  contradicts: pc.red('✗'),
}

function comparedText({ what, edge, provider, verdict }: Compared): string {
  const both = `edge ${edge ?? 'none'}, provider ${provider ?? 'none'}`
  return `  ${MARKS[verdict]} ${what.padEnd(17)} ${verdict === 'agrees' ? edge : both}`
}

const tokens = (usage: { readonly prompt_tokens: number; readonly completion_tokens: number }) =>
  `${usage.prompt_tokens}+${usage.completion_tokens} tokens`
