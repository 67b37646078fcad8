#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { LightningError } from '../lightning/lightning-error.ts'
import { addBakeCommand } from './bake-command.ts'
import { EXIT } from './exit-codes.ts'
import { addReconcileCommand } from './reconcile-command.ts'
import { addRunCommand } from './run-command.ts'
import { SettlerOptionError } from './settler-option-error.ts'

const program = new Command('infernet-settler')
  .description('Takes sats in and pays them out at an LND, for an Infernet edge.')
  .exitOverride()

addRunCommand(program)
addReconcileCommand(program)
addBakeCommand(program)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
  else {
    const known = error instanceof SettlerOptionError || error instanceof LightningError
    const text = error instanceof Error && !known ? error.stack : String(error)
    process.stderr.write(`infernet-settler: ${known ? error.message : text}\n`)
    process.exitCode = error instanceof SettlerOptionError ? EXIT.usage : EXIT.failure
  }
}
process.exit()
