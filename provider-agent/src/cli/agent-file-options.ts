import { CommanderError, type Command, type Option } from 'commander'
import { errorMessage } from '../error-message.ts'
import type { GivenOption } from '../service/given-option.ts'
import {
  badEntry,
  readAgentFile,
  type AgentFile,
  type AgentFileEntry,
} from '../setup/agent-file.ts'

/** Where the file is follows from the first; the second is for who looks on. */
const NOT_IN_FILE: ReadonlySet<string> = new Set(['data', 'json'])

/** Options that say one thing together: who says one of the first replaces all. */
interface OptionGroup {
  readonly heads: readonly string[]
  readonly rest: readonly string[]
}

/** One of them says what runs the models. */
export const ENGINE_HEADS: readonly string[] = ['engine', 'engine-url', 'manage']

const GROUPS: readonly OptionGroup[] = [
  {
    heads: ENGINE_HEADS,
    rest: [
      'engine-key',
      'engine-program',
      'engine-arg',
      'gpu-memory-utilization',
      'skip-memory-check',
      'model',
      'context',
      'slots',
      'spec-weights',
      'spec-quantization',
      'spec-kv',
      'spec-backend',
      'spec-template',
      'spec-defaults',
      'sandbox',
      'sandbox-runtime',
      'sandbox-memory',
      'sandbox-pids',
      'sandbox-cpus',
      'sandbox-read',
    ],
  },
  {
    heads: ['payout'],
    rest: ['payout-when', 'payout-threshold-sat', 'lnd', 'lnd-cert', 'lnd-macaroon'],
  },
]

/** Options as a file has them, read by the parser of the command line. */
export interface FileOptions {
  readonly file: AgentFile
  /** In the file's order. */
  readonly given: readonly GivenOption[]
  /** By the name in camel case, as the command's action gets them. */
  readonly values: ReadonlyMap<string, unknown>
}

/** Checks an option's value beyond what the parser does; throws what says why. */
export type EntryCheck = (values: Record<string, unknown>) => unknown

/**
 * Reads the options of `agent.json`, if it is there. `make` gives a command with the options that it may
 * have; `checks` are tried where an entry of their name is there. Throws {@link AgentFileError}.
 */
export function readFileOptions(
  path: string,
  make: () => Command,
  checks: ReadonlyMap<string, EntryCheck>,
): FileOptions | undefined {
  const file = readAgentFile(path)
  if (file === undefined) return undefined
  const options = optionsOf(make())
  const given = Object.entries(file).flatMap((entry) => readEntry(path, entry, options))
  const command = parsed(path, make, given)
  const values = new Map(given.map(({ name }) => [name, command.getOptionValue(name) as unknown]))
  for (const { name, flag } of given) {
    const entry = flag.slice(2)
    if (Array.isArray(file[entry]) && !Array.isArray(values.get(name)))
      throw badEntry(path, entry, 'it takes one value, no list')
  }
  for (const [name, check] of checks) {
    if (!(name in file)) continue
    try {
      check(Object.fromEntries(values))
    } catch (error) {
      throw badEntry(path, name, errorMessage(error))
    }
  }
  return { file, given, values }
}

/** Of options by their long names, those that count where the ones of `said` were said otherwise. */
export function beneath<T>(
  options: readonly T[],
  longName: (option: T) => string,
  said: ReadonlySet<string>,
): T[] {
  const replaced = GROUPS.filter(({ heads }) => heads.some((head) => said.has(head)))
  const gone = new Set([...said, ...replaced.flatMap(namesIn)])
  return options.filter((option) => !gone.has(longName(option)))
}

/** Of a file, the entries that say one thing together with `head`, such as `engine` or `payout`. */
export function groupOf(file: AgentFile, head: string): AgentFile {
  const names = new Set(GROUPS.filter(({ heads }) => heads.includes(head)).flatMap(namesIn))
  return Object.fromEntries(Object.entries(file).filter(([name]) => names.has(name)))
}

const namesIn = ({ heads, rest }: OptionGroup): string[] => [...heads, ...rest]

/** The long names of the options that the command line and the environment have said to a command. */
export const saidTo = (command: Command): Set<string> =>
  new Set(
    optionsOf(command)
      .filter((option) => sourceOf(option, command) !== undefined)
      .map(nameOf),
  )

function sourceOf(option: Option, command: Command): string | undefined {
  const source = command.getOptionValueSource(option.attributeName())
  return source === 'cli' || source === 'env' ? source : undefined
}

/**
 * What a command was given, as the file says it: of the options of `make`, and without a key that only the
 * environment has, which stays there.
 */
export function fileOf(
  command: Command,
  given: readonly GivenOption[],
  make: () => Command,
): AgentFile {
  const options = optionsOf(make()).filter((option) => !isForeign(option))
  const entries = options.flatMap((option) => {
    const source = sourceOf(option, command)
    const texts = given.filter(({ flag }) => flag === option.long).map(({ value }) => value)
    const isSecret = nameOf(option) === 'engine-key' && source === 'env'
    if (source === undefined || isSecret) return []
    const value: unknown = command.getOptionValue(option.attributeName())
    return [[nameOf(option), entryOf(texts, value)] as const]
  })
  return Object.fromEntries(entries)
}

/** As it was written: what is read from it may be something else. */
function entryOf(texts: readonly (string | undefined)[], value: unknown): AgentFileEntry {
  const written = texts.filter((text) => text !== undefined)
  if (Array.isArray(value)) return written
  const last = written.at(-1)
  if (last === undefined) return true
  return typeof value === 'number' && String(value) === last ? value : last
}

/** Entries in the order of the options of `make`. */
export function inOrder(file: AgentFile, make: () => Command): AgentFile {
  const entries = optionsOf(make()).map((option) => [nameOf(option), file[nameOf(option)]] as const)
  return Object.fromEntries(
    entries.flatMap(([name, entry]) => (entry === undefined ? [] : [[name, entry]])),
  )
}

const isForeign = (option: Option): boolean => NOT_IN_FILE.has(nameOf(option))
const optionsOf = (command: Command): readonly Option[] => command.options
const nameOf = ({ long }: Option): string => long?.slice(2) ?? ''
const takesValue = ({ required, optional }: Option): boolean => required || optional

function readEntry(
  path: string,
  [name, value]: readonly [string, AgentFileEntry],
  options: readonly Option[],
): GivenOption[] {
  const option = options.find((one) => nameOf(one) === name && !isForeign(one))
  if (option === undefined) throw badEntry(path, name, 'run has no such option for this file')
  const said = { name: option.attributeName(), flag: `--${name}` }
  if (!takesValue(option)) {
    if (value === true) return [said]
    throw badEntry(path, name, 'it takes true, or leave it out')
  }
  if (value === true) throw badEntry(path, name, 'it takes a value')
  const texts = Array.isArray(value) ? value : [String(value)]
  return texts.map((text) => ({ ...said, value: text }))
}

/** The options on a command of their own, to which the environment says nothing. */
function parsed(path: string, make: () => Command, given: readonly GivenOption[]): Command {
  try {
    return parse(make, given)
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    const bad = given.find((one) => !isParsable(make, one))
    const reason = error.message.replace(/^error: /, '')
    throw badEntry(path, (bad ?? given[0])?.flag.slice(2) ?? '', reason)
  }
}

function isParsable(make: () => Command, one: GivenOption): boolean {
  try {
    parse(make, [one])
    return true
  } catch {
    return false
  }
}

function parse(make: () => Command, given: readonly GivenOption[]): Command {
  const command = make()
    .exitOverride()
    .configureOutput({ outputError: () => {} })
  for (const option of command.options) {
    delete option.envVar
    option.makeOptionMandatory(false)
  }
  const args = given.map(({ flag, value }) => (value === undefined ? flag : `${flag}=${value}`))
  return command.parse(args, { from: 'user' })
}
