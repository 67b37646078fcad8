/** `system`: the machine's services, needs root. `user`: those of one user, without root. */
export type Scope = 'system' | 'user'

/** An argument of `run`: as it is, or the path of a credential that systemd hands over. */
export type RunArgument =
  | { readonly text: string }
  | { readonly flag: string; readonly credential: string }

/** A file that systemd reads for the service, which cannot reach it itself. */
export interface Credential {
  readonly name: string
  /** Absolute. */
  readonly path: string
}

/** All that a unit file depends on. */
export interface UnitSettings {
  readonly scope: Scope
  /** systemd's version here: what it does not know yet is left out. */
  readonly systemd: number
  /** Absolute paths of Node and of the command line's script. */
  readonly node: string
  readonly script: string
  /** What follows `run`. */
  readonly arguments: readonly RunArgument[]
  readonly environment: Readonly<Record<string, string>>
  readonly credentials: readonly Credential[]
  /** Absolute paths that the service needs out of folders which are hidden from it. */
  readonly shownPaths: readonly string[]
  /** It uses the GPU itself, or looks at it. */
  readonly gpu: boolean
  /** Groups that may use the GPU on this machine. */
  readonly groups: readonly string[]
  /** The engine runs in the service, and not in a server beside it. */
  readonly ownEngine: boolean
  /** That engine is confined, by means that a unit forbids otherwise. */
  readonly sandboxed: boolean
  /** How long running jobs may take to finish, in seconds. */
  readonly graceSeconds: number
  /** Where key and receipts are, if that was the owner's choice: `uninstall` finds it in the unit. */
  readonly dataRoot?: string
  /** As systemd writes it: `2G`, `80%`. */
  readonly memoryMax: string
}
