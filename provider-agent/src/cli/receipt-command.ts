import { isPeerId, type PeerId } from '@infernet/schemas/peer-id'
import { signedHeaders } from '@infernet/schemas/provider-request'
import { signedReceiptSchema, verifyReceipt, type SignedReceipt } from '@infernet/schemas/receipt'
import { InvalidArgumentError, type Command } from 'commander'
import { z } from 'zod'
import { shellWord } from '../doctor/shell-word.ts'
import { askEdgeJson, edgeUrl } from '../edge-api/ask-edge.ts'
import { errorMessage } from '../error-message.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { plainJson } from '../plain-text.ts'
import { InputError, readInput } from '../read-input.ts'
import { verifyWhole, wholeReceiptSchema, type WholeReceipt } from '../receipts/whole-receipt.ts'
import { edgeFault } from './edge-fault.ts'
import { edgeOption, ownEdge } from './own-edge.ts'
import { requiredIdentity } from './own-identity.ts'
import { receiptText, wholeText } from './receipt-text.ts'

/** A year's receipts of a busy client. */
const MAX_FILE_BYTES = 256 * 1024 * 1024

const receiptSchema = z.union([wholeReceiptSchema, signedReceiptSchema])
type AnyReceipt = z.infer<typeof receiptSchema>

/** One receipt, or a list of them. */
const fileSchema = z.union([
  receiptSchema.transform((receipt) => [receipt]),
  // Nothing is no receipt that holds.
  z.array(receiptSchema).min(1),
])

interface VerifyFlags {
  readonly issuer?: PeerId
  readonly json?: boolean
}

/** Adds `receipt verify` and `receipt fetch` to the program. */
export function addReceiptCommand(program: Command): void {
  const receipt = program.command('receipt').description('work with signed receipts')
  receipt
    .command('verify')
    .description('check receipts offline; exit code 6 when one does not hold')
    .argument(
      '<file>',
      'JSON of a receipt as the edge answers it, of a provider’s signed part, or a list; - reads standard input',
    )
    .option(
      '--issuer <peer id>',
      'the edge’s key: its signature must be there, and by this',
      peerId,
    )
    .option('--json', 'one JSON object per receipt')
    .action(async (file: string, flags: VerifyFlags) => {
      const receipts = await readReceipts(file)
      const results = await Promise.all(receipts.map((one) => verified(one, flags)))
      for (const { result, text } of results) {
        console.log(flags.json ? JSON.stringify(result) : text)
      }
      process.exitCode = results.every(({ result }) => result.ok) ? EXIT.ok : EXIT.badReceipt
    })
  receipt
    .command('fetch')
    .description('print the receipt of a job that this provider has answered')
    .argument('<job>', 'its id, job_…')
    .addOption(edgeOption())
    .option('--data <directory>', 'where the key is kept (INFERNET_DATA)')
    .option('--json', 'as JSON, which it is anyway')
    .action(fetchReceipt)
}

async function fetchReceipt(
  job: string,
  flags: { readonly edge?: string; readonly data?: string },
): Promise<void> {
  const headers = signedHeaders(requiredIdentity(flags.data), job, Date.now())
  const edge = await ownEdge(`receipt fetch ${shellWord(job)}`, flags)
  const found = await edgeFault(async () => {
    const url = edgeUrl(edge, `/v1/receipts/${encodeURIComponent(job)}`)
    return askEdgeJson(url, z.unknown(), { headers })
  })
  console.log(plainJson(found))
}

function peerId(text: string): PeerId {
  if (isPeerId(text)) return text
  throw new InvalidArgumentError('Expected a peer id, 12D3KooW…, as GET /v1/edge-key shows it.')
}

async function readReceipts(file: string): Promise<AnyReceipt[]> {
  try {
    return fileSchema.parse(JSON.parse(await readInput(file, MAX_FILE_BYTES)))
  } catch (error) {
    if (error instanceof InputError) throw new OwnerError(EXIT.usage, error.message)
    const reason =
      error instanceof z.ZodError ? 'not a signed receipt, nor a list of some' : errorMessage(error)
    throw new OwnerError(EXIT.usage, `cannot read ${file}: ${reason}`)
  }
}

const isWhole = (receipt: AnyReceipt): receipt is WholeReceipt => 'object' in receipt

interface Verified {
  readonly result: { readonly ok: boolean }
  readonly text: string
}

async function verified(receipt: AnyReceipt, { issuer }: VerifyFlags): Promise<Verified> {
  if (isWhole(receipt)) {
    const result = await verifyWhole(receipt, issuer)
    return { result, text: wholeText(result) }
  }
  return verifiedPart(receipt, issuer)
}

async function verifiedPart(receipt: SignedReceipt, issuer: PeerId | undefined): Promise<Verified> {
  if (issuer !== undefined) {
    throw new OwnerError(EXIT.usage, '--issuer is for whole receipts, and this is one signed part')
  }
  const result = await verifyReceipt(receipt)
  return { result, text: receiptText(result) }
}
