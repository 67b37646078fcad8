import type { EngineCommand } from '../engines/managed/engine-command.ts'
import type { SandboxDriver } from './driver.ts'
import { SandboxError } from './sandbox-error.ts'

/** No sandbox. An engine then runs as its owner has it; jobs of others do not run. */
export class NoSandbox implements SandboxDriver {
  readonly name = 'none'
  readonly owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  readonly ownKernel = false
  readonly sumsMemory = false
  readonly sharesCpus = false
  readonly minPids = 1

  wrap(): EngineCommand {
    throw new SandboxError('missing', 'there is no sandbox to run it in')
  }

  async prepare(): Promise<void> {}

  close(): void {}
}
