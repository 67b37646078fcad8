import { homedir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { dataDir } from '../data-dir.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import {
  SANDBOX_CHOICES,
  SANDBOX_RUNTIMES,
  type SandboxChoice,
  type SandboxRuntime,
} from '../sandbox/driver.ts'
import type { EngineSandboxOptions } from '../sandbox/engine-sandbox.ts'
import { count } from './count.ts'

/** What the command line says of the sandbox. */
export interface SandboxFlags {
  readonly sandbox?: SandboxChoice
  readonly sandboxRuntime?: SandboxRuntime
  readonly sandboxMemory?: number
  readonly sandboxPids?: number
  readonly sandboxCpus?: number
  readonly sandboxRead?: string[]
  readonly data?: string
}

const MAX_PIDS = 4_000_000
const BYTES: Readonly<Record<string, number>> = { M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 }

/** Adds the options of the sandbox that a server of our own runs in. */
export const addSandboxOptions = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--sandbox <driver>',
        '--manage: run it without network, rights and our files; auto takes the strongest that works here (default: none)',
      ).choices(SANDBOX_CHOICES),
    )
    .addOption(
      new Option(
        '--sandbox-runtime <runtime>',
        '--sandbox podman, docker: what runs the container; runsc is gVisor',
      ).choices(SANDBOX_RUNTIMES),
    )
    .option(
      '--sandbox-memory <size>',
      '--sandbox: memory of each server, such as 24G (default: what its model takes)',
      size,
    )
    .option('--sandbox-pids <n>', '--sandbox: processes and threads of each', count(MAX_PIDS))
    .option(
      '--sandbox-cpus <n>',
      '--sandbox: processors of each, such as 3.5 (default: all)',
      share,
    )
    .option(
      '--sandbox-read <path>',
      '--sandbox: one more file or folder that it may read; may be said again',
      (path: string, paths: string[] | undefined) => [...(paths ?? []), resolve(path)],
    )

/** What is said of a sandbox beside its driver. */
const DETAILS = {
  sandboxMemory: '--sandbox-memory',
  sandboxPids: '--sandbox-pids',
  sandboxCpus: '--sandbox-cpus',
  sandboxRead: '--sandbox-read',
} as const

/** The sandbox that the flags ask for; undefined for none. Throws {@link OwnerError} for what would do nothing. */
export function readSandboxFlags(flags: SandboxFlags): EngineSandboxOptions | undefined {
  const { sandbox: choice, sandboxRuntime: runtime } = flags
  if (runtime !== undefined && (choice === 'none' || choice === 'bwrap')) {
    throw new OwnerError(EXIT.usage, '--sandbox-runtime needs --sandbox podman, or docker')
  }
  if (choice === 'none' || (choice === undefined && runtime === undefined)) {
    const names = Object.keys(DETAILS) as (keyof typeof DETAILS)[]
    const said = names.find((name) => flags[name] !== undefined)
    if (said === undefined) return undefined
    throw new OwnerError(EXIT.usage, `${DETAILS[said]} needs a sandbox: add --sandbox auto`)
  }
  return {
    choice: choice ?? 'podman',
    runtime,
    memoryBytes: flags.sandboxMemory,
    pids: flags.sandboxPids,
    cpus: flags.sandboxCpus,
    reads: flags.sandboxRead ?? [],
    hidden: hiddenPaths(flags.data),
  }
}

/** What no engine may see: the agent's own files, and its owner's home as a whole. */
export function hiddenPaths(data: string | undefined): string[] {
  const { key, outbox, control, settings } = dataDir(data, process.env)
  const paths = [homedir(), dirname(outbox), key, outbox, control, settings]
  return [...new Set(paths)].filter((path) => path !== '/')
}

function size(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)([MGT])i?B?$/.exec(text) ?? []
  const bytes = Math.floor(Number(number) * (BYTES[unit] ?? 0))
  if (bytes > 0 && Number.isSafeInteger(bytes)) return bytes
  throw new InvalidArgumentError('Expected a size such as 512M or 24G.')
}

function share(text: string): number {
  const value = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && value >= 0.01 && value <= 1024) return value
  throw new InvalidArgumentError('Expected a number of processors from 0.01 to 1024.')
}
