export type IntakeErrorCode =
  /** A preimage was asked for with a key, id or attempt that cannot be right. */
  | 'bad_derivation'
  /** What was ordered is outside of the limits. */
  | 'bad_order'
  /** The id is taken by an order for something else. */
  | 'order_conflict'
  /** The invoice of the node is not the one that was asked for. */
  | 'wrong_invoice'
  /** The row's payment hash is of a preimage from another key. */
  | 'wrong_key'
  /** There is no such row. */
  | 'unknown_row'
  /** A move that the table of states does not have. */
  | 'illegal_move'
  /** The store did not answer. Nothing is known about what was asked. */
  | 'store_unavailable'

/** Why money was not asked for, or not taken in. */
export class IntakeError extends Error {
  override readonly name = 'IntakeError'
  readonly code: IntakeErrorCode

  constructor(code: IntakeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
