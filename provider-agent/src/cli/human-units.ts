import { formatSat } from '@infernet/schemas/money'

/** A duration in ms as people say it: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return two([hours, 'h'], [minutes % 60, 'min'])
  return two([Math.floor(hours / 24), 'd'], [hours % 24, 'h'])
}

const two = ([a, unitA]: [number, string], [b, unitB]: [number, string]): string =>
  b === 0 ? `${a} ${unitA}` : `${a} ${unitA} ${b} ${unitB}`

/** msat as satoshi, with what is below one where there is any: `1,234.5`. */
export const sats = (msat: bigint): string =>
  formatSat(msat).replace(/^\d+/, (whole) => grouped(BigInt(whole)))

/** A whole number with its thousands told apart: `1,234,567`. */
export const grouped = (n: number | bigint): string => n.toLocaleString('en-US')
