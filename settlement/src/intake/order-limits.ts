import { IntakeError } from './intake-error.ts'

/** One satoshi: wallets show and many send no less. */
export const MIN_ORDER_MSAT = 1_000n
/** What an account can hold at most, as a safe integer on the hot path. */
export const MAX_ORDER_MSAT = BigInt(Number.MAX_SAFE_INTEGER)
/** Shorter, and a person with a phone does not make it. */
export const MIN_EXPIRY_SECONDS = 60
/** A week; LND keeps every open invoice in memory. */
export const MAX_EXPIRY_SECONDS = 7 * 86_400
/** What BOLT 11's description field can hold: 1023 words of 5 bits. */
export const MAX_MEMO_BYTES = 639

/** Throws {@link IntakeError} `bad_order` for what no invoice is made of. */
export function checkOrder(order: {
  readonly amountMsat: bigint
  readonly memo: string
  readonly expirySeconds: number
}): void {
  const { amountMsat, memo, expirySeconds } = order
  if (amountMsat < MIN_ORDER_MSAT || amountMsat > MAX_ORDER_MSAT)
    throw bad(`an amount is from ${MIN_ORDER_MSAT} to ${MAX_ORDER_MSAT} msat, not ${amountMsat}`)
  if (new TextEncoder().encode(memo).length > MAX_MEMO_BYTES)
    throw bad(`a memo has at most ${MAX_MEMO_BYTES} bytes`)
  const inTime = expirySeconds >= MIN_EXPIRY_SECONDS && expirySeconds <= MAX_EXPIRY_SECONDS
  if (!Number.isInteger(expirySeconds) || !inTime)
    throw bad(`an invoice lives ${MIN_EXPIRY_SECONDS} to ${MAX_EXPIRY_SECONDS} seconds`)
}

const bad = (message: string) => new IntakeError('bad_order', message)
