import { msat } from '@infernet/schemas/money'
import type { AccountPort } from '../ports.ts'
import { MAX_TRANSFERS_AT_ONCE } from '../limits.ts'
import type { BillingStore, PendingTransfer } from './billing-port.ts'

export interface TransferRim {
  readonly accounts: Pick<AccountPort, 'transfer' | 'flush'>
  readonly billing: Pick<BillingStore, 'pendingTransfers' | 'transferEnded'>
}

/**
 * Tells live balances what Postgres has for them under these references; a reference without a pending
 * row is passed over. Idempotent. Tries all of them, then throws the first error: the rest stays
 * pending, and may be asked for again.
 */
export async function applyTransfers(
  rim: TransferRim,
  references: readonly string[],
): Promise<void> {
  const waiting = [...(await rim.billing.pendingTransfers(references))]
  const errors: unknown[] = []
  async function work(): Promise<void> {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      await apply(rim, next).catch((error: unknown) => errors.push(error))
    }
  }
  await Promise.all(Array.from({ length: MAX_TRANSFERS_AT_ONCE }, work))
  if (errors.length > 0) throw errors[0]
}

async function apply({ accounts, billing }: TransferRim, transfer: PendingTransfer): Promise<void> {
  const { accountId, reference, amountMsat } = transfer
  // The journal pays out only what it has: all that made up the live balance must be there by then.
  if (amountMsat < 0n) await accounts.flush(accountId)
  const outcome = await accounts.transfer(accountId, reference, exact(amountMsat))
  // A deposit may have come between the two.
  if (amountMsat < 0n && outcome === 'done') await accounts.flush(accountId)
  await billing.transferEnded(reference, outcome)
}

/** The same amount as a number. Throws MoneyError where there is none. */
function exact(amount: bigint): number {
  return amount < 0n ? -msat(Number(-amount)) : msat(Number(amount))
}
