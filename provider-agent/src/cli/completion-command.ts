import { Argument, type Command } from 'commander'
import { bashCompletion } from './completion/bash-completion.ts'
import { commandTree, type CommandNode } from './completion/command-tree.ts'
import { fishCompletion } from './completion/fish-completion.ts'
import { zshCompletion } from './completion/zsh-completion.ts'
import { JSON_OPTION } from './control-asks.ts'

const SHELLS: Readonly<Record<string, (program: CommandNode) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

/** Adds `completion` to the program. */
export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('print what a shell needs to complete commands and options')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS)))
    .option(...JSON_OPTION)
    .action((shell: string, { json }: { readonly json?: boolean }) => {
      const script = SHELLS[shell]?.(commandTree(program)) ?? ''
      process.stdout.write(json ? `${JSON.stringify({ shell, script })}\n` : script)
    })
}
