import { Command } from 'commander'
import type { GivenOption } from '../service/given-option.ts'
import { watchGiven } from './given-options.ts'
import { addRunOptions, planRun, type RunFlags } from './run-command.ts'
import { requiredEdge, settle, type SettledFrom } from './run-settings.ts'

/** What follows `run` on a command line, read by the same parser and found to be right. */
export interface RunArguments {
  readonly flags: RunFlags
  /** In their order; then what only the environment says, and at last what a file says. */
  readonly given: readonly GivenOption[]
  /** The file, where it says something. */
  readonly settings: SettledFrom | undefined
}

/**
 * Reads and checks the arguments of `run`; `settingsOf` names the file beneath them for their `--data`.
 * Throws CommanderError and OwnerError.
 */
export function readRunArguments(
  args: readonly string[],
  settingsOf: (data: string | undefined) => string,
): RunArguments {
  const command = addRunOptions(new Command('infernet-agent run'))
    .exitOverride()
    .configureOutput({ outputError: () => {} })
  const given = watchGiven(command)
  command.parse(args, { from: 'user' })
  const path = settingsOf(command.opts<RunFlags>().data)
  const settings = settle(command, path, () => addRunOptions(new Command()))
  const said = command.opts<RunFlags>()
  const flags = { ...said, edge: requiredEdge(said) }
  planRun(flags)
  return { flags, given: [...given, ...(settings?.taken ?? [])], settings }
}
