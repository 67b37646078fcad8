export type CanaryErrorCode =
  /** A move that the table of states does not have. */
  | 'illegal_move'
  /** A provider may have seen the prompt, or another one has. */
  | 'prompt_reused'
  /** The grammar makes no prompt that was not used. */
  | 'prompts_exhausted'
  /** A grammar that names what it does not define, or never ends. */
  | 'bad_grammar'

export class CanaryError extends Error {
  override readonly name = 'CanaryError'
  readonly code: CanaryErrorCode

  constructor(code: CanaryErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
