import type { EngineCommand } from '../engines/managed/engine-command.ts'

export const SANDBOX_CHOICES = ['auto', 'none', 'bwrap', 'podman', 'docker'] as const
/** What the owner says. */
export type SandboxChoice = (typeof SANDBOX_CHOICES)[number]

export const SANDBOX_RUNTIMES = ['runc', 'runsc', 'crun'] as const
/** What runs a container. */
export type SandboxRuntime = (typeof SANDBOX_RUNTIMES)[number]

/** What all processes inside may take together. */
export interface ResourceLimits {
  readonly memoryBytes: number
  /** Processes and threads. */
  readonly pids: number
  /** Processors, also a part of one; undefined for all. */
  readonly cpus?: number | undefined
}

/** What one command may reach. */
export interface Confinement {
  /** Absolute paths that it reads, where they are outside. */
  readonly reads: readonly string[]
  /** Folders that it writes in. */
  readonly writes: readonly string[]
  readonly gpu: boolean
  readonly limits: ResourceLimits
  /** A file that is its standard input; else that is empty. */
  readonly input?: string
}

/** One way to run a command with next to no rights. */
export interface SandboxDriver {
  /** Such as `bwrap` or `podman+runc`. */
  readonly name: string
  /** The numbers of the user inside, as the files that it makes have them outside. */
  readonly owner: { readonly uid: number; readonly gid: number }
  /** gVisor: a kernel of its own. It has no seccomp filter to show. */
  readonly ownKernel: boolean
  /** Whether memory is limited for all processes together, and not for each alone. */
  readonly sumsMemory: boolean
  /** Whether it can limit the share of the processors. */
  readonly sharesCpus: boolean
  /** The fewest processes that it can be limited to. */
  readonly minPids: number
  /** The command line that runs `command` inside. Its environment is what goes in. */
  wrap(command: EngineCommand, confinement: Confinement): EngineCommand
  /** Removes what agents that are dead have left, and makes ready what `wrap` needs. */
  prepare(): Promise<void>
  /** Removes what `wrap` has made; nothing runs any more. */
  close(): void
}
