import { inspect } from 'node:util'
import { CommanderError, type Command } from 'commander'
import { EXIT, OwnerError, type ExitCode } from '../exit-codes.ts'
import { plainJson, plainLines } from '../plain-text.ts'

/** How a command ends that has thrown. */
export interface End {
  readonly exitCode: ExitCode
  /** For standard error; undefined where all is said. */
  readonly text?: string
}

interface Fault {
  readonly message: string
  readonly exitCode: ExitCode
  /** What to type now. */
  readonly next?: string
  /** Where in the code it came up, of what nobody foresaw. */
  readonly stack?: string
}

/**
 * What the error of a command says to its owner, and its exit code: prose, or one line of JSON. The result on standard
 * output keeps its shape, for nothing of this goes there.
 */
export function endOf(error: unknown, command: Command, json: boolean): End {
  if (error instanceof CommanderError && error.exitCode === 0) return { exitCode: EXIT.ok }
  const fault = faultOf(error, command)
  const { exitCode } = fault
  if (json) return { exitCode, text: jsonOf(fault) }
  if (error instanceof CommanderError) {
    // Without a command the parser has shown the help already.
    return isHelp(error) ? { exitCode } : { exitCode, text: proseOf('error', fault) }
  }
  if (error instanceof OwnerError) return { exitCode, text: proseOf('infernet-agent', fault) }
  return { exitCode, text: inspect(error) }
}

function faultOf(error: unknown, command: Command): Fault {
  if (error instanceof OwnerError) {
    const { exitCode, message, next } = error
    return { message, exitCode, ...(next === undefined ? {} : { next }) }
  }
  if (error instanceof CommanderError) {
    const message = isHelp(error) ? 'a command is missing' : parserSays(error)
    return { message, exitCode: EXIT.usage, next: `${nameOf(command)} --help` }
  }
  if (!(error instanceof Error)) return { message: String(error), exitCode: EXIT.failure }
  const { message, stack } = error
  return { message, exitCode: EXIT.failure, ...(stack === undefined ? {} : { stack }) }
}

const isHelp = ({ code }: CommanderError): boolean => code === 'commander.help'

/** What the parser says is wrong. */
export const parserSays = ({ message }: CommanderError): string => message.replace(/^error: /, '')

function proseOf(who: string, { message, next }: Fault): string {
  const arrow = next === undefined ? '' : `\n→ ${next}`
  return plainLines(`${who}: ${message}${arrow}`)
}

const jsonOf = ({ exitCode, message, next, stack }: Fault): string =>
  plainJson({ error: { message, exit_code: exitCode, next, stack } })

/** The command that words on a command line name, as far as they do. */
export function commandAt(program: Command, words: readonly string[]): Command {
  let at = program
  for (const word of words) at = at.commands.find((child) => child.name() === word) ?? at
  return at
}

function nameOf(command: Command): string {
  const { parent } = command
  return parent === null ? command.name() : `${nameOf(parent)} ${command.name()}`
}

/** Whether a command line asks for JSON, however wrong it is otherwise; what follows `--` is for somebody else. */
export function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return (end < 0 ? words : words.slice(0, end)).includes('--json')
}
