import { Bolt11Error } from './bolt11-error.ts'

/** All bitcoin that will ever be; more in one invoice is nonsense, and this fits 64 bits. */
export const MAX_INVOICE_MSAT = 21_000_000n * 100_000_000n * 1000n

/** Tenths of a millisatoshi (pico-bitcoin) per unit, largest first so that the shortest text is found. */
const UNITS: readonly (readonly [suffix: string, pico: bigint])[] = [
  ['', 1_000_000_000_000n],
  ['m', 1_000_000_000n],
  ['u', 1_000_000n],
  ['n', 1_000n],
  ['p', 1n],
]
const PICO_PER_MSAT = 10n
/** Digits of {@link MAX_INVOICE_MSAT} in pico-bitcoin. */
const MAX_DIGITS = 20

/** The amount of a human-readable part: 1 msat is `10p`, 250,000,000 msat is `2500u`. */
export function formatAmount(amountMsat: bigint): string {
  if (amountMsat <= 0n || amountMsat > MAX_INVOICE_MSAT)
    throw new Bolt11Error('amount', `${amountMsat} msat cannot be asked for`)
  const pico = amountMsat * PICO_PER_MSAT
  for (const [suffix, unit] of UNITS) if (pico % unit === 0n) return `${pico / unit}${suffix}`
  throw new Bolt11Error('amount', `${amountMsat} msat has no unit`)
}

/** Reads what {@link formatAmount} writes, and other units than the shortest. Msat. */
export function parseAmount(text: string): bigint {
  const [, digits = '', suffix = ''] = /^([1-9][0-9]*)([munp]?)$/.exec(text) ?? []
  const unit = UNITS.find(([name]) => name === suffix)?.[1]
  if (digits === '' || digits.length > MAX_DIGITS || unit === undefined)
    throw new Bolt11Error('amount', `'${text.slice(0, 40)}' is not an amount`)
  const pico = BigInt(digits) * unit
  if (pico % PICO_PER_MSAT !== 0n)
    throw new Bolt11Error('amount', `'${text}' is not a whole number of millisatoshi`)
  const amountMsat = pico / PICO_PER_MSAT
  if (amountMsat > MAX_INVOICE_MSAT)
    throw new Bolt11Error('amount', `'${text}' is more bitcoin than there is`)
  return amountMsat
}
