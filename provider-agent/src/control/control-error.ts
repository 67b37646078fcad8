export type ControlErrorCode =
  | 'already_running'
  | 'not_running'
  | 'not_yours'
  | 'unusable'
  | 'refused'
  | 'bad_answer'

/** The running agent cannot be asked, or cannot be one that is asked; the message is for the owner. */
export class ControlError extends Error {
  override readonly name = 'ControlError'
  readonly code: ControlErrorCode

  constructor(code: ControlErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
