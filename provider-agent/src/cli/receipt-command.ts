import { readFileSync } from 'node:fs'
import { signedReceiptSchema, verifyReceipt, type SignedReceipt } from '@infernet/schemas/receipt'
import type { Command } from 'commander'
import pc from 'picocolors'
import { z } from 'zod'
import { EXIT, OwnerError } from '../exit-codes.ts'

const STDIN_FD = 0

/** One receipt, or a list of them. */
const fileSchema = z.union([
  signedReceiptSchema.transform((receipt) => [receipt]),
  z.array(signedReceiptSchema),
])

/** Adds `receipt verify` to the program. */
export function addReceiptCommand(program: Command): void {
  program
    .command('receipt')
    .description('work with signed receipts')
    .command('verify')
    .description('check receipts offline; exit code 6 when one does not hold')
    .argument('<file>', 'JSON of a receipt or a list of receipts; - reads standard input')
    .option('--json', 'one JSON object per receipt')
    .action(async (file: string, { json }: { json?: boolean }) => {
      const results = await Promise.all(readReceipts(file).map(verdictOf))
      for (const result of results) console.log(json ? JSON.stringify(result) : describe(result))
      process.exitCode = results.every(({ ok }) => ok) ? EXIT.ok : EXIT.badReceipt
    })
}

function readReceipts(file: string): SignedReceipt[] {
  try {
    const text = readFileSync(file === '-' ? STDIN_FD : file, 'utf8')
    return fileSchema.parse(JSON.parse(text))
  } catch (error) {
    const reason = error instanceof z.ZodError ? 'not a signed receipt' : messageOf(error)
    throw new OwnerError(EXIT.usage, `cannot read ${file}: ${reason}`)
  }
}

type Verdict = Awaited<ReturnType<typeof verifyReceipt>>

const verdictOf = (receipt: SignedReceipt): Promise<Verdict> => verifyReceipt(receipt)

const REASONS: Record<Extract<Verdict, { ok: false }>['reason'], string> = {
  malformed: 'it holds no receipt statement',
  path: 'its Merkle path has the wrong length',
  signature: 'the signature is not the provider’s over this statement',
}

function describe(verdict: Verdict): string {
  if (!verdict.ok) return `${pc.red('bad')}   ${REASONS[verdict.reason]}`
  const { lease, model, provider, usage } = verdict.statement
  const tokens = `${usage.prompt_tokens}+${usage.completion_tokens} tokens`
  return `${pc.green('good')}  ${lease}  ${model}  ${tokens}  by ${provider}`
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
