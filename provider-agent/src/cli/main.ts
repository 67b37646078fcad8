#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { plainLines } from '../plain-text.ts'

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

const program = new Command('infernet-agent')
  .description('Serves language models on this machine to an Infernet edge, for sats.')
  .exitOverride()

const [, , asked = ''] = process.argv
const named = COMMANDS.filter(({ names }) => names.includes(asked))
for (const { load } of named.length > 0 ? named : COMMANDS) (await load())(program)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
  else if (error instanceof OwnerError) {
    console.error(`infernet-agent: ${plainLines(error.message)}`)
    process.exitCode = error.exitCode
  } else {
    console.error(error)
    process.exitCode = EXIT.failure
  }
}
process.exit()
