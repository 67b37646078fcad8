/** Something that happened, by a name that programs may rely on; amounts are decimal msat. */
export type SettlerLog = (event: string, fields?: Readonly<Record<string, unknown>>) => void

/** Events about money: on a simulated node each of their lines says so. */
const MONEY = /^(topup|payment|earnings|payout|escrow|withdrawal)_/
const SIMULATED = 'SIMULATED'

export interface LogOptions {
  readonly json: boolean
  /** Known once the node has been asked. */
  readonly simulated: () => boolean
  readonly write: (line: string) => void
  readonly now: () => Date
}

/** One line per event, as JSON or for people. */
export function settlerLog({ json, simulated, write, now }: LogOptions): SettlerLog {
  return (event, fields = {}) => {
    const mark = MONEY.test(event) && simulated()
    const plain = Object.fromEntries(
      Object.entries(fields)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [name, plainValue(value)]),
    )
    if (json) {
      const marked = mark ? { ...plain, money: SIMULATED } : plain
      write(`${JSON.stringify({ time: now().toISOString(), event, ...marked })}\n`)
      return
    }
    const words = Object.entries(plain).map(([name, value]) => `${name}=${String(value)}`)
    const time = now().toISOString().slice(11, 19)
    write(
      [time, ...(mark ? [SIMULATED] : []), event.replaceAll('_', ' '), ...words].join(' ') + '\n',
    )
  }
}

/** Longest text of an error: a stranger may have written it. */
const MAX_TEXT = 500

function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (!(value instanceof Error)) return value
  const code = 'code' in value ? ` (${String(value.code)})` : ''
  return `${value.name}${code}: ${value.message}`.slice(0, MAX_TEXT)
}
