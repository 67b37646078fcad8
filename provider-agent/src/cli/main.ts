#!/usr/bin/env node
import { fstatSync } from 'node:fs'
import { Command } from 'commander'
import { commandAt, endOf, wantsJson } from './end-of.ts'
import { isJournal, journalText } from './journal-lines.ts'
import { outliveOutput } from './lost-output.ts'

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
  // Below, with what to type next.
  .configureOutput({ outputError: () => {} })

const [, , first = '', ...rest] = process.argv
const asked = first === '--version' || first === '-V' ? 'version' : first
const words = asked === '' ? [] : [asked, ...rest]
const named = COMMANDS.filter(({ names }) => names.includes(asked))
for (const { load } of named.length > 0 ? named : COMMANDS) (await load())(program)

const output = outliveOutput()
try {
  await program.parseAsync(words, { from: 'user' })
  // What an agent prints is its log, and not what it is asked for.
  if (asked !== 'run') await output.taken()
} catch (error) {
  const { exitCode, text } = endOf(error, commandAt(program, words), wantsJson(words))
  const inJournal = isJournal(process.env['JOURNAL_STREAM'], fstatSync, process.stderr.fd)
  if (text !== undefined) console.error(inJournal ? journalText(text, 3) : text)
  process.exitCode = exitCode
}
process.exit()
