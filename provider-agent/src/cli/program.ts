import { Command, type OutputConfiguration } from 'commander'
import { arrangeHelp, HELP } from './help/arrange-help.ts'

type AddCommand = (program: Command) => void

/** In the order of the help. A command's own modules are loaded when it is asked for: each is a tenth of a second. */
const COMMANDS: readonly {
  readonly names: readonly string[]
  readonly load: () => Promise<AddCommand>
}[] = [
  { names: ['setup'], load: async () => (await import('./setup-command.ts')).addSetupCommand },
  { names: ['run'], load: async () => (await import('./run-command.ts')).addRunCommand },
  {
    names: ['status', 'models'],
    load: async () => (await import('./status-command.ts')).addStatusCommands,
  },
  { names: ['logs'], load: async () => (await import('./logs-command.ts')).addLogsCommand },
  { names: ['drain'], load: async () => (await import('./drain-command.ts')).addDrainCommand },
  {
    names: ['earnings'],
    load: async () => (await import('./earnings-command.ts')).addEarningsCommand,
  },
  { names: ['doctor'], load: async () => (await import('./doctor-command.ts')).addDoctorCommand },
  { names: ['debug'], load: async () => (await import('./debug-command.ts')).addDebugCommand },
  {
    names: ['hardware'],
    load: async () => (await import('./hardware-command.ts')).addHardwareCommand,
  },
  { names: ['keys'], load: async () => (await import('./keys-command.ts')).addKeysCommand },
  {
    names: ['receipt'],
    load: async () => (await import('./receipt-command.ts')).addReceiptCommand,
  },
  { names: ['slash'], load: async () => (await import('./slash-command.ts')).addSlashCommand },
  {
    names: ['service'],
    load: async () => (await import('./service-command.ts')).addServiceCommand,
  },
  {
    names: ['calibrate'],
    load: async () => (await import('./calibrate-command.ts')).addCalibrateCommand,
  },
  // It completes all the others.
  { names: [], load: async () => (await import('./completion-command.ts')).addCompletionCommand },
  {
    names: ['upgrade'],
    load: async () => (await import('./upgrade-command.ts')).addUpgradeCommand,
  },
  {
    names: ['version'],
    load: async () => (await import('./version-command.ts')).addVersionCommand,
  },
]

/**
 * The program with the command that `asked` names, or with all where it names none. `output` is where its help goes,
 * if not to standard output.
 */
export async function programWith(
  asked: string,
  output: OutputConfiguration = {},
): Promise<Command> {
  const program = new Command('infernet-agent')
    .description('Serves language models on this machine to an Infernet edge, for sats.')
    .option('-V, --version', 'print the version')
    // Or else every command would take that option, and do what it does.
    .enablePositionalOptions()
    .configureHelp(HELP)
    .exitOverride()
    // What is wrong its caller says, with what to type next.
    .configureOutput({ ...output, outputError: () => {} })
  const named = COMMANDS.filter(({ names }) => names.includes(asked))
  for (const { load } of named.length > 0 ? named : COMMANDS) (await load())(program)
  arrangeHelp(program)
  return program
}
