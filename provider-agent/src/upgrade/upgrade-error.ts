export type UpgradeErrorCode =
  /** Nobody has said whose releases to trust. */
  | 'no_key'
  /** Nobody has said where releases are. */
  | 'no_address'
  /** Releases cannot be there. */
  | 'bad_address'
  /** The agent was not installed by npm in a way that can be upgraded. */
  | 'not_ours'
  /** A release, or its package, cannot be had. */
  | 'unreachable'
  /** Not a release, byte for byte as it was written. */
  | 'malformed'
  /** Signed by nobody whom the installed package trusts. */
  | 'wrong_key'
  /** One of its signatures is not good. */
  | 'bad_signature'
  /** The package is not what was signed. */
  | 'changed'
  /** Of a version before the installed one. */
  | 'older'
  /** Of a later version, but published before the installed one. */
  | 'replayed'
  /** It needs a newer Node. */
  | 'old_node'
  /** Another upgrade is under way. */
  | 'busy'
  /** It could not be put in place; the old version still is. */
  | 'not_installed'
  /** There is no version to go back to. */
  | 'no_previous'

/** An upgrade cannot be made; the message is for the owner, and says what to do. */
export class UpgradeError extends Error {
  override readonly name = 'UpgradeError'
  readonly code: UpgradeErrorCode
  /** What to type now. */
  readonly next: string | undefined

  constructor(
    code: UpgradeErrorCode,
    message: string,
    { next, ...options }: ErrorOptions & { readonly next?: string | undefined } = {},
  ) {
    super(message, options)
    this.code = code
    this.next = next
  }
}
