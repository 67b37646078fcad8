export type EdgeLinkErrorCode =
  /** There is no connection, or it broke. The ask may have been done. */
  | 'away'
  /** No answer in time. The ask may have been done. */
  | 'timeout'
  /** More waits to be asked than is worth it. */
  | 'busy'
  /** The edge said no, in its own words. */
  | 'refused'
  /** Who asked wants it no more. */
  | 'aborted'

/** Why an ask of the edge was not answered with `done`. */
export class EdgeLinkError extends Error {
  override readonly name = 'EdgeLinkError'
  readonly code: EdgeLinkErrorCode
  /** The edge's own code, when it refused. */
  readonly reason: string | undefined

  constructor(code: EdgeLinkErrorCode, message: string, reason?: string) {
    super(message)
    this.code = code
    this.reason = reason
  }
}
