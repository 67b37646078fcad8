/** Amounts are integer msat, as `bigint`; people read and write sat. */
const MSAT_PER_SAT = 1000n
/** Two million bitcoin in sat: longer numbers are slips of the finger. */
const MAX_SAT_DIGITS = 15

/** `1234567n` as `1,234.567`: sat, with the msat that are no whole one. */
export function formatSat(msat: bigint): string {
  const sign = msat < 0n ? '-' : ''
  const size = msat < 0n ? -msat : msat
  const rest = String(size % MSAT_PER_SAT)
    .padStart(3, '0')
    .replace(/0+$/, '')
  return `${sign}${grouped(String(size / MSAT_PER_SAT))}${rest === '' ? '' : `.${rest}`}`
}

/** The same text of digits with commas between thousands. */
export const grouped = (digits: string): string => digits.replaceAll(/\B(?=(\d{3})+$)/g, ',')

/** Whole sat as people type them: `1000`, `1,000`, `1 000`. Undefined for anything else, and for nothing. */
export function parseSat(text: string): bigint | undefined {
  const digits = text.trim().replaceAll(/(?<=\d)[ ,_\u00a0\u202f](?=\d{3}(\D|$))/g, '')
  if (!/^\d+$/.test(digits) || digits.length > MAX_SAT_DIGITS) return undefined
  const sat = BigInt(digits)
  return sat === 0n ? undefined : sat
}

/** msat per token (a decimal text) as sat per million tokens. */
export function satPerMillion(msatPerToken: string): string {
  const [whole = '', decimals = ''] = msatPerToken.split('.')
  const shifted = decimals.padEnd(3, '0')
  const sat = `${whole}${shifted.slice(0, 3)}`.replace(/^0+(?=\d)/, '')
  const rest = shifted.slice(3).replace(/0+$/, '')
  return `${grouped(sat)}${rest === '' ? '' : `.${rest}`}`
}

/** A message with its amounts in sat: the API counts in msat. */
export const inSat = (message: string): string =>
  message.replaceAll(/\b(\d+) msat\b/g, (_, msat: string) => `${formatSat(BigInt(msat))} sat`)
