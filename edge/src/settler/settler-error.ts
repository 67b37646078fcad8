export type SettlerAskCode =
  /** Nobody here can do it now; the settler asks again. */
  | 'unavailable'
  /** Whoever was asked has said no. */
  | 'refused'
  /** No answer in time. */
  | 'timeout'
  /** What came back is not what was asked for. */
  | 'bad_answer'
  /** More asks than may be under way. */
  | 'busy'

/** Why an ask of the settler was not done. Its code and message are told to the settler. */
export class SettlerAskError extends Error {
  override readonly name = 'SettlerAskError'
  readonly code: SettlerAskCode

  constructor(code: SettlerAskCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
