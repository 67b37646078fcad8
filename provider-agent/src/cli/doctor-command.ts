import { Option, type Command } from 'commander'
import type { CheckResult } from '../doctor/check.ts'
import { runChecks } from '../doctor/run-checks.ts'
import { EXIT } from '../exit-codes.ts'
import { plainJson } from '../plain-text.ts'
import { checksFor, type DiagnoseFlags } from './diagnose.ts'
import { doctorText } from './doctor-text.ts'
import { addRunOptions, settingsOf } from './run-command.ts'
import { terminal } from './terminal.ts'
import { untilStopped } from './until-stopped.ts'

/** Adds `doctor` to the program. */
export function addDoctorCommand(program: Command): void {
  const command = program
    .command('doctor')
    .description('check what run needs, with the options of run; exit code 11 when a check fails')
  addDiagnoseOptions(command).action(({ data }: DiagnoseFlags, asked: Command) => {
    settingsOf(asked, data)
    return doctor(asked.opts<DiagnoseFlags>())
  })
}

/** The options of `run`, and those of the doctor. */
export function addDiagnoseOptions(command: Command): Command {
  addRunOptions(command)
  const json = command.options.find(({ long }) => long === '--json')
  if (json !== undefined) json.description = 'the result as one JSON object on stdout'
  return command.addOption(
    new Option(
      '--client-key <key>',
      'an API key of the edge, to send one job to this provider; it pays for it',
    ).env('INFERNET_CLIENT_KEY'),
  )
}

async function doctor(flags: DiagnoseFlags): Promise<void> {
  const stopping = untilStopped().signal
  const checks = await diagnosed(flags, stopping)
  const ok = checks.every(({ outcome }) => outcome !== 'failed')
  console.log(flags.json ? plainJson({ ok, checks }) : doctorText(checks))
  process.exitCode = stopping.aborted ? EXIT.interrupted : ok ? EXIT.ok : EXIT.unwell
}

/** Runs all checks; what it waits for is shown below. */
export async function diagnosed(flags: DiagnoseFlags, signal: AbortSignal): Promise<CheckResult[]> {
  const to = terminal(flags.json ? process.stderr : process.stdout)
  to.spin('looking')
  try {
    return await runChecks(checksFor(flags), {
      signal,
      now: () => performance.now(),
      onProgress: (waiting) => to.spin(`waiting for ${waiting.join(', ')}`),
    })
  } finally {
    to.spin(undefined)
  }
}
