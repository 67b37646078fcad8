import { Command } from 'commander'
import type { GivenOption } from '../service/given-option.ts'
import { addRunOptions, planRun, type RunFlags } from './run-command.ts'

/** What follows `run` on a command line, read by the same parser and found to be right. */
export interface RunArguments {
  readonly flags: RunFlags
  /** In their order; what only the environment says comes last. */
  readonly given: readonly GivenOption[]
}

/** Reads and checks the arguments of `run`. Throws CommanderError and OwnerError. */
export function readRunArguments(args: readonly string[]): RunArguments {
  const command = addRunOptions(new Command('infernet-agent run')).exitOverride()
  const given: GivenOption[] = []
  for (const option of command.options) {
    const [name, flag] = [option.attributeName(), option.long ?? '']
    const take = (value: string | null | undefined): void => {
      given.push({ name, flag, ...(value === null || value === undefined ? {} : { value }) })
    }
    command.on(`option:${option.name()}`, take).on(`optionEnv:${option.name()}`, take)
  }
  command.parse(args, { from: 'user' })
  const flags = command.opts<RunFlags>()
  planRun(flags)
  return { flags, given }
}
