export type L402ErrorCode =
  | 'bad_identifier'
  | 'bad_key'
  | 'bad_limits'
  | 'bad_invoice'
  | 'bad_price'
  | 'too_long'
  | 'malformed'

/** Why a token cannot be made, or a header has no credential that can be read. */
export class L402Error extends Error {
  override readonly name = 'L402Error'
  readonly code: L402ErrorCode

  constructor(code: L402ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
