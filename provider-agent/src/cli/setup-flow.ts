import type { Command } from 'commander'
import type { CheckResult } from '../doctor/check.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { plainJson } from '../plain-text.ts'
import type { GivenOption } from '../service/given-option.ts'
import { changesBetween } from '../setup/chosen-options.ts'
import { gather, type Gathered } from '../setup/gather.ts'
import type { Questions } from '../setup/questions.ts'
import { fileOf, saidTo } from './agent-file-options.ts'
import { dataFlag } from './own-agent.ts'
import { settingsPath } from './run-settings.ts'
import { chosenOptions, runOptions, under, type SetupFlags } from './setup-choice.ts'
import { keep, settingsBefore } from './setup-files.ts'
import { chosenText, endText, foundText, withoutSecrets, type SetupResult } from './setup-text.ts'
import { terminal } from './terminal.ts'
import { untilStopped } from './until-stopped.ts'

/**
 * Finds out, asks or proposes, and writes the options of `run` into the agent's file; makes its key. Throws
 * OwnerError.
 */
export async function setup(command: Command, given: readonly GivenOption[]): Promise<void> {
  const flags = command.opts<SetupFlags>()
  const { signal } = untilStopped()
  const questions = await questionsFor(flags, signal)
  const to = terminal(flags.json ? process.stderr : process.stdout)
  const file = settingsPath(flags.data)
  const before = settingsBefore(file, runOptions)
  const said = saidTo(command)
  const start = { ...under(before.options, said), ...fileOf(command, given, runOptions) }
  to.spin('looking at this machine')
  const found = await gather({ env: process.env, script: process.argv[1] ?? '', signal })
  to.spin(undefined)
  if (questions !== undefined) to.line(`${foundText(found)}\n`)
  const asking = { start, said, questions, to, signal }
  const { checks, ...answered } = await chosenOptions(asking, before.options, found, flags)
  if (signal.aborted) throw new OwnerError(EXIT.interrupted, 'stopped; nothing was written')
  const changes = changesBetween(before.options, answered.options)
  const notes = [...before.notes, ...answered.notes]
  const chosen = { ...answered, changes, notes, file, dataFlag: dataFlag(flags.data) }
  if (questions !== undefined)
    to.line(`\n${chosenText(withoutSecrets({ ...chosen, written: false }))}\n`)
  const isWanted = flags.dryRun !== true && changes.length > 0
  const isAgreed = isWanted && ((await questions?.isYes(`Write this to ${file}?`)) ?? true)
  const kept = keep(flags, isAgreed ? answered.options : undefined, before)
  const result = withoutSecrets({ ...chosen, ...kept })
  if (flags.json) console.log(plainJson(report(result, checks, found)))
  else {
    to.line(questions === undefined ? `${chosenText(result)}\n` : '')
    to.line(endText(result))
  }
}

/** Those who ask; undefined where the proposal is taken. */
async function questionsFor(
  { yes, json }: SetupFlags,
  signal: AbortSignal,
): Promise<Questions | undefined> {
  if (yes === true) return undefined
  if (json === true || !process.stdin.isTTY || !process.stdout.isTTY) {
    throw new OwnerError(
      EXIT.usage,
      'setup asks questions, and this is no terminal to ask at; with --yes it takes what it proposes',
      { next: 'infernet-agent setup --yes --edge URL' },
    )
  }
  const module = await import('../setup/questions.ts')
  return new module.Questions({ input: process.stdin, output: process.stdout, signal })
}

/** What `--json` says. */
function report(result: SetupResult, checks: readonly CheckResult[], found: Gathered): object {
  const { dataFlag: _, ...said } = result
  const { files, hardware, programs, servers, troubles } = found
  return {
    ...said,
    checks,
    found: {
      servers,
      files: files.map(({ id, path, facts }) => ({ id, path, bytes: facts.weightBytes })),
      programs,
      hardware,
      troubles,
    },
  }
}
