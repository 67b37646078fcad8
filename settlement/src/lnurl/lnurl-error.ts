export type LnurlErrorCode =
  /** Neither a Lightning address nor an LNURL. */
  | 'address'
  /** A URL, or what it resolves to, that is not on the public internet over https. */
  | 'forbidden'
  | 'unreachable'
  | 'timeout'
  /** The service answered with something else than LUD-06 says. */
  | 'response'
  /** The service said no, in its own words. */
  | 'refused'
  | 'amount_out_of_range'
  /** The invoice is for another Lightning network. */
  | 'network'
  /** The invoice was no longer good when it came, by our clock. */
  | 'expired'
  /** The invoice cannot be read, or is otherwise not the one that was asked for. */
  | 'invoice'

/** Why no invoice came of a Lightning address or LNURL. Nothing was paid. */
export class LnurlError extends Error {
  override readonly name = 'LnurlError'
  readonly code: LnurlErrorCode

  constructor(code: LnurlErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
