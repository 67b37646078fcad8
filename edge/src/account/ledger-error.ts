export class LedgerError extends Error {
  override readonly name = 'LedgerError'
  readonly code: 'overcapture' | 'corrupt' | 'deposit_conflict' | 'transfer_conflict'
  constructor(code: LedgerError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** An integer that SQLite holds. Throws {@link LedgerError} `corrupt` for anything else. */
export function integer(value: unknown): number {
  if (!Number.isSafeInteger(value))
    throw new LedgerError('corrupt', `expected an integer, got ${String(value)}`)
  return value as number
}
