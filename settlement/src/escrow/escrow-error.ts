export type EscrowErrorCode =
  /** A move that the table of states does not have. */
  | 'illegal_move'
  /** A good verdict on what nobody has paid for. */
  | 'not_accepted'
  /** As many payments are held as the channels shall carry. */
  | 'too_many'
  /** What the verdict hands out is not the price. */
  | 'bad_verdict'
  /** The node calls settled what is less than the price. */
  | 'underpaid'
  /** Heights or blocks that cannot be. */
  | 'bad_height'

/** Why an escrow does not go on. Errors of its order are `IntakeError`s, as a top-up's. */
export class EscrowError extends Error {
  override readonly name = 'EscrowError'
  readonly code: EscrowErrorCode

  constructor(code: EscrowErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
