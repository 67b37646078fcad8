import { Command, Help, type HelpConfiguration } from 'commander'
import { EXAMPLES, examplesText, FIRST_STEPS } from './examples.ts'
import {
  COMMAND_GROUPS,
  headingOf,
  OPTION_GROUPS,
  OTHER_OPTIONS,
  placeOf,
  type Groups,
} from './groups.ts'

/** Commands with more options than this have them under headings. */
const MANY_OPTIONS = 20
/** What no owner wants to read: nothing is the default of a list. */
const EMPTY_DEFAULT = / \(default: \[\]\)|, default: \[\]/

/** How all helps look. Set on the program before it has commands, which take it over. */
export const HELP: HelpConfiguration = {
  subcommandTerm: (command) => command.name(),
  optionDescription(option) {
    return Help.prototype.optionDescription.call(this, option).replace(EMPTY_DEFAULT, '')
  },
  groupItems(all, visible, groupOf) {
    const found = Help.prototype.groupItems.call(this, all, visible, groupOf as never)
    const groups: Groups = [...COMMAND_GROUPS, ...OPTION_GROUPS]
    const inOrder = [...found].toSorted(
      ([one], [other]) => placeOf(groups, one) - placeOf(groups, other),
    )
    return new Map(inOrder) as never
  },
}

/** Puts the program's commands and their options under headings, and examples below. */
export function arrangeHelp(program: Command): void {
  program
    .usage('COMMAND [options]')
    .addHelpCommand(new Command('help').argument('[command]').description('show what one takes'))
    .addHelpText('after', FIRST_STEPS)
  for (const command of program.createHelp().visibleCommands(program)) {
    command.helpGroup(headingOf(COMMAND_GROUPS, command.name()) ?? '')
    arrange(command, command.name())
  }
}

function arrange(command: Command, name: string): void {
  if (command.options.length > MANY_OPTIONS) {
    for (const option of command.options) {
      const heading = headingOf(OPTION_GROUPS, option.long?.slice(2) ?? '')
      option.helpGroup(heading ?? OTHER_OPTIONS)
    }
  }
  const examples = EXAMPLES.get(name)
  if (examples !== undefined) command.addHelpText('after', examplesText(examples))
  for (const child of command.commands) arrange(child, `${name} ${child.name()}`)
}
