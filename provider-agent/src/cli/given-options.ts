import type { Command } from 'commander'
import type { GivenOption } from '../service/given-option.ts'

/**
 * The options that a command is given when it is parsed, as they were written; what only the environment
 * says comes last.
 */
export function watchGiven(command: Command): readonly GivenOption[] {
  const given: GivenOption[] = []
  for (const option of command.options) {
    const [name, flag] = [option.attributeName(), option.long ?? '']
    const take = (value: string | null | undefined): void => {
      given.push({ name, flag, ...(value === null || value === undefined ? {} : { value }) })
    }
    command.on(`option:${option.name()}`, take).on(`optionEnv:${option.name()}`, take)
  }
  return given
}
