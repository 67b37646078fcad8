export type CalibrationErrorCode =
  /** The engine serves none, or several, and one is needed. */
  | 'no_model'
  /** The engine does not show how it answered, or not exactly what it runs. */
  | 'no_evidence'
  /** The engine does not tell how likely given tokens are. */
  | 'cannot_score'
  /** A request or a score failed under way. */
  | 'engine_failed'
  | 'aborted'
  /** Samples that are none, or none at all. */
  | 'bad_samples'
  /** Samples of several specs, which nothing can be learned from together. */
  | 'mixed_specs'

/** Nothing was calibrated; the message is for the owner, with the next step. */
export class CalibrationError extends Error {
  override readonly name = 'CalibrationError'
  readonly code: CalibrationErrorCode

  constructor(code: CalibrationErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
