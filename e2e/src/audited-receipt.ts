import { setTimeout as sleep } from 'node:timers/promises'
import { bearer, type Client, type Stack } from './stack.ts'

/** Until an answer counts as one that was not selected. */
const LOOKS = 50
const LOOK_MS = 100

/** The receipt of a job once an audit has looked at its answer; undefined when none does. */
export async function auditedReceipt<Receipt extends { readonly audits: readonly unknown[] }>(
  { url }: Stack,
  { apiKey }: Client,
  job: string,
  looks = LOOKS,
): Promise<Receipt | undefined> {
  for (let look = 0; look < looks; look++) {
    const response = await fetch(`${url}/v1/receipts/${job}`, { headers: bearer(apiKey) })
    const receipt = (await response.json()) as Receipt
    if (receipt.audits.length > 0) return receipt
    await sleep(LOOK_MS)
  }
  return undefined
}
