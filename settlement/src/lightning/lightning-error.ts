export type LightningErrorCode =
  /** The node cannot be reached, is starting, or is locked. Nothing is known about what was asked. */
  | 'unavailable'
  /** No answer within the deadline. Nothing is known about what was asked. */
  | 'timeout'
  /** The macaroon does not allow it. */
  | 'permission'
  | 'not_found'
  /** A hold invoice was to be settled that nobody has paid yet. */
  | 'invoice_open'
  | 'invoice_canceled'
  | 'invoice_settled'
  /** What the node has under that hash is not what was asked for. */
  | 'conflict'
  /** The request cannot be right, whatever the node's state. */
  | 'invalid'
  | 'internal'

/** Why a node did not do what was asked. Says of a payment nothing at all: that is `PaymentOutcome`. */
export class LightningError extends Error {
  override readonly name = 'LightningError'
  readonly code: LightningErrorCode

  constructor(code: LightningErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
