export type Bolt11ErrorCode =
  | 'too_long'
  | 'bech32'
  | 'prefix'
  | 'amount'
  | 'field'
  | 'feature'
  | 'signature'

/** Why a text is not an invoice one may pay, or a draft not one to write. */
export class Bolt11Error extends Error {
  override readonly name = 'Bolt11Error'
  readonly code: Bolt11ErrorCode

  constructor(code: Bolt11ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
