#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { plainLines } from '../plain-text.ts'
import { addCalibrateCommand } from './calibrate-command.ts'
import { addCompletionCommand } from './completion-command.ts'
import { addDebugCommand } from './debug-command.ts'
import { addDoctorCommand } from './doctor-command.ts'
import { addDrainCommand } from './drain-command.ts'
import { addEarningsCommand } from './earnings-command.ts'
import { addHardwareCommand } from './hardware-command.ts'
import { addKeysCommand } from './keys-command.ts'
import { addLogsCommand } from './logs-command.ts'
import { addReceiptCommand } from './receipt-command.ts'
import { addRunCommand } from './run-command.ts'
import { addServiceCommand } from './service-command.ts'
import { addSetupCommand } from './setup-command.ts'
import { addSlashCommand } from './slash-command.ts'
import { addStatusCommands } from './status-command.ts'
import { addUpgradeCommand } from './upgrade-command.ts'
import { addVersionCommand } from './version-command.ts'

const program = new Command('infernet-agent')
  .description('Serves language models on this machine to an Infernet edge, for sats.')
  .exitOverride()

addSetupCommand(program)
addRunCommand(program)
addStatusCommands(program)
addLogsCommand(program)
addDrainCommand(program)
addEarningsCommand(program)
addDoctorCommand(program)
addDebugCommand(program)
addHardwareCommand(program)
addKeysCommand(program)
addReceiptCommand(program)
addSlashCommand(program)
addServiceCommand(program)
addCalibrateCommand(program)
addCompletionCommand(program)
addUpgradeCommand(program)
addVersionCommand(program)

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
