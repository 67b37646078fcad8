import { chownSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { quoted } from '../doctor/shell-word.ts'
import { EngineStartError } from '../engines/engine.ts'
import type { Confine } from '../engines/managed/engine-command.ts'
import type { EngineSandboxEvent } from '../events.ts'
import { gpuDevices } from './gpu-devices.ts'
import { modelReads, programReads } from './host-view.ts'
import { openSandbox, type OpenSandbox, type SandboxWish } from './open-sandbox.ts'
import { SandboxError } from './sandbox-error.ts'
import { isRoot } from './sandbox-folder.ts'
import { DEFAULT_PIDS, MEMORY_MARGIN, MEMORY_MARGIN_BYTES, MEMORY_SHARE } from './sandbox-limits.ts'

/** How the owner wants an engine to be confined. */
export interface EngineSandboxOptions extends SandboxWish {
  /** In place of what the plan says that a model takes. */
  readonly memoryBytes?: number | undefined
  readonly pids?: number | undefined
  /** Processors, also a part of one. */
  readonly cpus?: number | undefined
  /** More paths that the engine reads. */
  readonly reads: readonly string[]
  /** Paths that it must not see. */
  readonly hidden: readonly string[]
}

const OTHERS_MAY_READ = 0o004
const OTHERS_MAY_ENTER = 0o005

/** Runs the engines of one agent in a sandbox that has proved itself. */
export class EngineSandbox {
  readonly #options: EngineSandboxOptions
  readonly #open: OpenSandbox

  private constructor(options: EngineSandboxOptions, open: OpenSandbox) {
    this.#options = options
    this.#open = open
  }

  /** Throws {@link EngineStartError} where the sandbox that was asked for does not work. */
  static async open(options: EngineSandboxOptions, signal: AbortSignal): Promise<EngineSandbox> {
    const { hidden } = options
    try {
      return new EngineSandbox(options, await openSandbox(options, hidden, signal))
    } catch (error) {
      throw startError(error)
    }
  }

  /** What there is to tell of it. */
  get event(): EngineSandboxEvent {
    const { driver, gaps, passed } = this.#open
    return { event: 'engine_sandbox', driver: driver.name, gaps, passed }
  }

  /** Throws {@link EngineStartError} for what cannot be shown to the engine. */
  readonly confine: Confine = (command, { model, socket, gpu, memoryBytes: planned }) =>
    asStartError(() => {
      const { driver } = this.#open
      if (driver.name === 'none') return command
      const {
        memoryBytes = withMargin(planned),
        pids = DEFAULT_PIDS,
        cpus,
        reads: more,
      } = this.#options
      const file = realpathSync(command.file)
      const reads = [...programReads(file), ...modelReads(model, more), ...more]
      const folder = dirname(socket)
      const { uid, gid } = driver.owner
      if (isRoot() && uid !== 0) {
        for (const path of reads) assertReadable(path)
        chownSync(folder, uid, gid)
      }
      const limits = { memoryBytes, pids, cpus }
      return driver.wrap(
        { ...command, file },
        { reads, writes: [folder], gpu: gpu && gpuDevices().length > 0, limits },
      )
    })

  close(): void {
    this.#open.driver.close()
  }
}

/** What is planned is what computing takes; the kernel drops weights that it has read once. */
function withMargin(planned: number | undefined): number {
  const most = Math.floor(totalmem() * MEMORY_SHARE)
  if (planned === undefined) return most
  return Math.min(most, Math.ceil(planned * MEMORY_MARGIN) + MEMORY_MARGIN_BYTES)
}

/** Root's engine is not root inside. */
function assertReadable(path: string): void {
  const stat = statSync(path)
  const isFolder = stat.isDirectory()
  const needed = isFolder ? OTHERS_MAY_ENTER : OTHERS_MAY_READ
  if ((stat.mode & needed) !== needed) {
    throw new SandboxError(
      'paths',
      `${path} can be read by root only, which the engine in the sandbox is not. Type: chmod -R o+rX ${quoted(path)}`,
    )
  }
  if (!isFolder) return
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isFile()) assertReadable(join(path, entry.name))
  }
}

function asStartError<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw startError(error)
  }
}

/** The system's errors too: thrown while an engine is started again, they would end the agent. */
function startError(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error)) return error
  const fix = error instanceof SandboxError ? error.fix : undefined
  const step = fix === undefined ? '' : `; try: ${fix}`
  return new EngineStartError(`no sandbox: ${error.message}${step}`, { cause: error })
}
