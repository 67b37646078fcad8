/**
 * Money is integer millisatoshi. On the hot path it is a safe integer (SQLite and JSON arithmetic
 * stay exact below 2^53 - 1 msat, about 90,000 BTC, which caps one account); in Postgres it is
 * `bigint`, and in JSON documents for people and clients a decimal string.
 */
declare const msatBrand: unique symbol
export type Msat = number & { readonly [msatBrand]: true }

export const MAX_MSAT = Number.MAX_SAFE_INTEGER

export class MoneyError extends Error {
  override readonly name = 'MoneyError'
  readonly code = 'money_out_of_range'
}

/** Asserts that `value` is a non-negative safe integer of msat. Throws {@link MoneyError}. */
export function msat(value: number): Msat {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new MoneyError(`${value} is not a valid amount in msat`)
  }
  return value as Msat
}

/** Decimal string of satoshi with up to three decimals, for people: 1500 msat is `1.5`. */
export function formatSat(amount: Msat | bigint): string {
  const exact = BigInt(amount)
  const whole = exact / 1000n
  const rest = String(exact % 1000n)
    .padStart(3, '0')
    .replace(/0+$/, '')
  return rest === '' ? String(whole) : `${whole}.${rest}`
}

/** Parses a decimal string of msat from JSON. Throws {@link MoneyError}. */
export function parseMsat(text: string): Msat {
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text))
    throw new MoneyError(`'${text}' is not an amount in msat`)
  return msat(Number(text))
}
