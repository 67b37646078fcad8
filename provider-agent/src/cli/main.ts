#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { AGENT_VERSION } from '../version.ts'
import { addCalibrateCommand } from './calibrate-command.ts'
import { addKeysCommand } from './keys-command.ts'
import { addReceiptCommand } from './receipt-command.ts'
import { addRunCommand } from './run-command.ts'
import { addSlashCommand } from './slash-command.ts'

const program = new Command('infernet-agent')
  .description('Serves language models on this machine to an Infernet edge, for sats.')
  .exitOverride()

addRunCommand(program)
addKeysCommand(program)
addReceiptCommand(program)
addSlashCommand(program)
addCalibrateCommand(program)
program
  .command('version')
  .description('print the version')
  .action(() => console.log(AGENT_VERSION))

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
  else if (error instanceof OwnerError) {
    console.error(`infernet-agent: ${error.message}`)
    process.exitCode = error.exitCode
  } else {
    console.error(error)
    process.exitCode = EXIT.failure
  }
}
process.exit()
