import type { Command } from 'commander'

const HELP_FLAG = '--help'

/** What is typed, as the words of a command: its version and its help may be asked for in another way. */
export function wordsOf([first, ...rest]: readonly string[]): readonly string[] {
  if (first === undefined) return []
  if (first === '--version' || first === '-V') return ['version', ...rest]
  // Of a command's own commands, too: the parser's help knows the first word only.
  return first === 'help' && rest.length > 0 ? [...rest, HELP_FLAG] : [first, ...rest]
}

/** The same without a wish for help on what is no command: the parser would show that of the program. */
export function withoutVainHelp(program: Command, words: readonly string[]): readonly string[] {
  const [first = ''] = words
  const commands = program.createHelp().visibleCommands(program)
  const isCommand = commands.some((one) => one.name() === first)
  return isCommand || first.startsWith('-') ? words : words.filter((word) => word !== HELP_FLAG)
}
