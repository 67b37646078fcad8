/** What the process's exit code says; `docs/provider.md` lists them for scripts and systemd. */
export const EXIT = {
  /** Stopped as asked; or the receipt is good, or the evidence convicts. */
  ok: 0,
  /** Something we did not foresee. */
  failure: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The engine cannot run as configured. */
  engine: 3,
  /** The edge will never take this agent as it is: update it. */
  refused: 4,
  /** The key or the receipt store cannot be used. */
  data: 5,
  /** A receipt, or what a slash is founded on, does not hold. */
  badReceipt: 6,
  /** A slash's evidence is sound, and does not convict its provider. */
  notProven: 7,
  /** The edge cannot be asked, or refuses. */
  edge: 8,
  /** No agent runs here, or it is not connected to its edge. */
  notServing: 9,
  /** systemd is not there, or would not do it. */
  service: 10,
  /** The doctor has found something that keeps the agent from working. */
  unwell: 11,
  /** A release of the agent cannot be trusted, or is older than what is installed. */
  badRelease: 12,
  /** Asked with `upgrade --check`: a later version is there. */
  newerRelease: 13,
  /** An upgrade cannot be had, or put in place: the version before still is. */
  notUpgraded: 14,
  /** Stopped before its work was done, as shells count Ctrl-C. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** An error whose message is all that the owner needs; it ends the process with `exitCode`. */
export class OwnerError extends Error {
  override readonly name = 'OwnerError'
  readonly code = 'owner_error'
  readonly exitCode: ExitCode
  /** What to type now. */
  readonly next: string | undefined
  constructor(
    exitCode: ExitCode,
    message: string,
    { next, ...options }: ErrorOptions & { readonly next?: string } = {},
  ) {
    super(message, options)
    this.exitCode = exitCode
    this.next = next
  }
}
