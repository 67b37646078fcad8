import { InvalidArgumentError, Option, type Command } from 'commander'
import { MANAGED_KINDS, type ManagedKind } from '../engines/managed/engine-command.ts'
import { addSandboxOptions, type SandboxFlags } from './sandbox-options.ts'

/** What the command line says about a server that the agent starts itself. */
export interface ManagedFlags extends SandboxFlags {
  readonly manage?: ManagedKind
  readonly engineProgram?: string
  readonly engineArg: string[]
  readonly gpuMemoryUtilization?: number
  readonly skipMemoryCheck?: boolean
}

/** Adds the options of servers that the agent starts itself. */
export const addManagedOptions = (command: Command): Command =>
  addSandboxOptions(command)
    .addOption(
      new Option('--manage <server>', 'start this server for the model, and keep it running')
        .choices(MANAGED_KINDS)
        .conflicts(['engine', 'engineUrl']),
    )
    .option('--engine-program <path>', '--manage: the program (default: the first on the PATH)')
    .option(
      '--engine-arg <arg>',
      '--manage: one more argument for it, as in --engine-arg=--flash-attn --engine-arg=on',
      (arg: string, args: string[]) => [...args, arg],
      [],
    )
    .option(
      '--gpu-memory-utilization <share>',
      '--manage vllm: how much of each GPU it may take, up to 1 (default: what is free, 0.9 at most)',
      share,
    )
    .option('--skip-memory-check', '--manage: start it although the model does not seem to fit')

function share(text: string): number {
  const value = Number(text)
  if (value > 0 && value <= 1) return value
  throw new InvalidArgumentError('Expected a number above 0 and up to 1.')
}
