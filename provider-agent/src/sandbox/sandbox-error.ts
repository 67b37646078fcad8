export type SandboxErrorCode =
  /** The program of a driver is not here. */
  | 'missing'
  /** It is here, and does not run what it is given. */
  | 'broken'
  /** Something could be reached from inside that must not be. */
  | 'open'
  /** What would have to be shown holds what must stay hidden, or is not there. */
  | 'paths'

/** Nothing is run: the message says why. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError'
  readonly code: SandboxErrorCode
  /** What to type or to do, where that is not in the message. */
  readonly fix: string | undefined

  constructor(code: SandboxErrorCode, message: string, fix?: string) {
    super(message)
    this.code = code
    this.fix = fix
  }
}
