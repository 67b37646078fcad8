import pc from 'picocolors'
import type { Price } from '@infernet/schemas/wire'
import { parsePrice } from '@infernet/settlement/price-text'
import { plainText } from '../plain-text.ts'
import { DEFAULT_PRICE } from '../price.ts'
import type { AgentFile, AgentFileEntry } from '../setup/agent-file.ts'
import type { Change } from '../setup/chosen-options.ts'
import type { Gathered } from '../setup/gather.ts'
import type { Choice } from '../setup/proposal.ts'
import { columns, facts } from './columns.ts'
import { sats } from './human-units.ts'

/** What `setup` has come to. */
export interface SetupResult {
  readonly file: string
  readonly written: boolean
  /** Absent where nothing was written and there is no key yet. */
  readonly peer?: string
  /** Options of run, as they are in the file; without secrets. */
  readonly options: AgentFile
  /** Of the models that are offered; none where the server could not be asked. */
  readonly models: readonly string[]
  readonly changes: readonly Change[]
  readonly notes: readonly string[]
  readonly priceFrom: keyof typeof PRICE_FROM
  /** ` --data DIR`, or nothing, for commands to type. */
  readonly dataFlag: string
}

/** For people: what was chosen, and what is new about it. */
export function chosenText(result: SetupResult): string {
  const notes = result.notes.map((note) => `${pc.yellow('!')} ${plainText(note)}`).join('\n')
  const parts = [facts(choiceRows(result)), changeLines(result), notes]
  return parts.filter((part) => part !== '').join('\n\n')
}

/** For people: what was done, and what to type next. */
export function endText(result: SetupResult): string {
  const { changes, file, peer, written } = result
  if (written) return `${pc.green('written')} ${file}\nyour name is ${peer}\n\n${nextSteps(result)}`
  if (changes.length === 0) return `${file} says so already\n\n${nextSteps(result)}`
  return `nothing was written; ${file} is as it was`
}

/** What may be shown. */
export function withoutSecrets<T extends Pick<SetupResult, 'options' | 'changes'>>(result: T): T {
  const { 'engine-key': key, ...options } = result.options
  const shown = key === undefined ? options : { ...result.options, 'engine-key': '(secret)' }
  const changes = result.changes.map((change) =>
    change.option === 'engine-key' ? { option: change.option } : change,
  )
  return { ...result, options: shown, changes }
}

/** Names in a line. */
const MAX_SHOWN = 3
const OWN_ROWS = new Set(['edge', 'price', 'payout'])

function choiceRows({ models, options, priceFrom }: SetupResult): string[][] {
  const rest = Object.entries(options).filter(([name]) => !OWN_ROWS.has(name))
  return [
    ['edge', entryText(options['edge'])],
    ['serves', models.length === 0 ? 'what its server has, once it runs' : modelsText(models)],
    ...rest.map(([name, entry]) => [name, entryText(entry)]),
    [
      'price',
      priceWords(parsePrice(String(options['price']), DEFAULT_PRICE)),
      PRICE_FROM[priceFrom],
    ],
    ['payout', options['payout'] === undefined ? WAITING : entryText(options['payout'])],
  ]
}

/** The words of `--price`. */
export const priceText = ({ prompt, completion }: Price): string =>
  `prompt=${prompt},completion=${completion}`

export const PRICE_FROM = {
  others: 'the median of what others ask at this edge',
  size: 'by the size of the model',
  said: 'as you said',
  before: 'as before',
} as const

const WAITING = 'not yet: earnings wait at the edge until you name a place'

const modelsText = (names: readonly string[]): string => {
  const shown = names.slice(0, MAX_SHOWN).map(plainText).join(', ')
  return names.length > MAX_SHOWN ? `${shown} and ${names.length - MAX_SHOWN} more` : shown
}

/** Options in a line. */
export const entriesText = (options: AgentFile): string =>
  Object.entries(options)
    .map(([name, entry]) => `--${name} ${entryText(entry)}`)
    .join(' ')

const entryText = (entry: AgentFileEntry | undefined): string =>
  plainText(Array.isArray(entry) ? entry.join(', ') : entry === true ? 'yes' : String(entry))

/** A price as its owner thinks of it. */
export const priceWords = ({ prompt, completion }: Price): string =>
  `${sats(BigInt(prompt))} sat for a million tokens of prompts, ${sats(BigInt(completion))} of answers`

/** The first time all is new, and there is no need to say so. */
function changeLines({ changes }: SetupResult): string {
  const isFirst = changes.every(({ before }) => before === undefined)
  if (isFirst) return ''
  const rows = changes.map(({ option, before, after }) => [
    pc.yellow(after === undefined ? '-' : before === undefined ? '+' : '~'),
    option,
    [before, after]
      .filter((entry) => entry !== undefined)
      .map(entryText)
      .join(' → '),
  ])
  return columns(rows)
}

const nextSteps = ({ dataFlag, options }: SetupResult): string =>
  [
    `→ infernet-agent run${dataFlag}`,
    dataFlag === ''
      ? '→ sudo infernet-agent service install'
      : `→ infernet-agent service install --user --${dataFlag}`,
    `→ infernet-agent doctor${dataFlag}`,
    ...(options['payout'] === undefined
      ? [`→ infernet-agent setup${dataFlag} --payout you@wallet.example`]
      : []),
  ].join('\n')

/** A choice in a line. */
export function choiceText(choice: Choice): string {
  if (choice.kind === 'demo') return 'the demo model that comes with the agent'
  if (choice.kind === 'server') {
    const { models, server } = choice
    return `${server.name} at ${server.url}: ${modelsText(models.map(({ name }) => name))}`
  }
  const { file, plan, runner } = choice
  const where = plan.isFast ? 'on the GPU' : 'on the processor'
  return `${file.id} (${gib(file.facts.weightBytes)}) ${where} by ${runner.engine}`
}

/** What was found, in a line for each kind. */
export function foundText({ hardware, servers, files, programs }: Gathered): string {
  const cards = hardware.gpus.map(({ name }) => name).join(', ')
  const running = servers.map(({ name, url }) => `${name} at ${url}`).join(', ')
  return facts([
    ['GPU', cards || 'none seen'],
    ['running', running || 'no server of models at the usual ports'],
    ['programs', programs.map(({ path }) => path).join(', ') || 'neither llama-server nor vllm'],
    ['GGUF files', files.map(({ id }) => id).join(', ') || 'none in the usual folders'],
  ])
}

const gib = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`
