import { Option, type Command } from 'commander'
import { watchGiven } from './given-options.ts'
import { addRunOptions } from './run-command.ts'

/** Adds `setup` to the program. */
export function addSetupCommand(program: Command): void {
  const command = program
    .command('setup')
    .description('choose what to serve, the price, where earnings go; then run needs no options')
  addRunOptions(command)
    .option('--yes', 'ask nothing: take what is proposed')
    .option('--dry-run', 'show what would be chosen, and write nothing')
    .addOption(
      new Option(
        '--client-key <key>',
        'an API key of the edge, which tells its clients what others ask',
      ).env('INFERNET_CLIENT_KEY'),
    )
  const json = command.options.find(({ long }) => long === '--json')
  if (json !== undefined) json.description = 'the result as one JSON object on stdout'
  const given = watchGiven(command)
  command.action(async () => {
    // Nobody else has to keep it in memory.
    const { setup } = await import('./setup-flow.ts')
    await setup(command, given)
  })
}
