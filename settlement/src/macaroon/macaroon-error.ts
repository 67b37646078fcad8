export type MacaroonErrorCode = 'too_long' | 'malformed' | 'third_party'

/** Why bytes are not a macaroon that is accepted here. */
export class MacaroonError extends Error {
  override readonly name = 'MacaroonError'
  readonly code: MacaroonErrorCode

  constructor(code: MacaroonErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
