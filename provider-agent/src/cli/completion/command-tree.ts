import type { Command, Option } from 'commander'

/** What an option wants after it. */
export type Wants =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'file' }
  | { readonly kind: 'text' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }

export interface OptionNode {
  /** `-f` and `--follow`. */
  readonly names: readonly string[]
  readonly description: string
  readonly wants: Wants
}

/** A command with what may follow it. */
export interface CommandNode {
  /** From the program on, without its own name: `/receipt/verify`; empty for the program. */
  readonly path: string
  readonly name: string
  readonly description: string
  readonly options: readonly OptionNode[]
  readonly commands: readonly CommandNode[]
  /** Of its first argument; undefined where it takes none. */
  readonly argument: Wants | undefined
}

const FILES = /file|directory|path|model|evidence/i

/** A program's commands and options, for those who complete them. */
export function commandTree(command: Command, path = ''): CommandNode {
  const help = command.createHelp()
  const [argument] = command.registeredArguments
  return {
    path,
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).map(optionNode),
    commands: command.commands.map((child) => commandTree(child, `${path}/${child.name()}`)),
    argument: argument && wantsOf(argument.name(), argument.argChoices),
  }
}

const optionNode = ({
  argChoices,
  description,
  flags,
  long,
  optional,
  required,
  short,
}: Option) => ({
  names: [short, long].filter((name) => name !== undefined && name !== null),
  description,
  wants:
    required || optional
      ? wantsOf(/[<[]([^>\]]*)/.exec(flags)?.[1] ?? '', argChoices)
      : ({ kind: 'nothing' } as const),
})

function wantsOf(placeholder: string, choices: readonly string[] | undefined): Wants {
  if (choices !== undefined) return { kind: 'choice', choices }
  return { kind: FILES.test(placeholder) ? 'file' : 'text' }
}

/** The command and all below it. */
export const allCommands = (node: CommandNode): CommandNode[] => [
  node,
  ...node.commands.flatMap(allCommands),
]
