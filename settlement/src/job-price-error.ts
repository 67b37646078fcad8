export type JobPriceErrorCode =
  /** More than one payment should carry. */
  | 'too_dear'
  /** Work that cannot be, or none. */
  | 'bad_work'
  /** A setting that cannot be read. */
  | 'bad_rates'

/** Why a job has no price. The message may be shown to clients. */
export class JobPriceError extends Error {
  override readonly name = 'JobPriceError'
  readonly code: JobPriceErrorCode

  constructor(code: JobPriceErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
