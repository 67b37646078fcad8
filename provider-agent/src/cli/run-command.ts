import { fstatSync } from 'node:fs'
import type { Price } from '@infernet/schemas/wire'
import { parsePrice, PriceError } from '@infernet/settlement/price-text'
import { Command, Option } from 'commander'
import { Agent } from '../agent.ts'
import type { Role } from '../capability.ts'
import { systemClock } from '../clock.ts'
import { AgentWatch } from '../control/agent-watch.ts'
import { dataDir } from '../data-dir.ts'
import { createEngine } from '../engines/create-engine.ts'
import { EngineStartError } from '../engines/engine.ts'
import { OfferFlagError, readOfferFlags } from '../engines/offer-overrides.ts'
import { EventLog, type AgentEvent } from '../events.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { HoursError } from '../hardware/hours.ts'
import { KeyError, loadIdentity, type LoadedIdentity } from '../identity.ts'
import { DRAIN_GRACE_MS } from '../limits.ts'
import { edgeAddress, EdgeAddressError } from '../link/edge-address.ts'
import { DEFAULT_PRICE } from '../price.ts'
import { openPayoutDesk } from '../payout/open-payout-desk.ts'
import { PayoutFlagError, readPayoutFlags, type PayoutFlags } from '../payout/payout-plan.ts'
import { OutboxError } from '../receipts/outbox.ts'
import { CredentialError } from '../service/credentials.ts'
import { sdNotify } from '../service/sd-notify.ts'
import { ServiceWatch } from '../service/service-watch.ts'
import { NO_SETTINGS, SETTINGS_VARIABLE } from '../setup/agent-file.ts'
import { VerifierError } from '../verifier/verifier-error.ts'
import { count } from './count.ts'
import { addEngineOptions, engineOptions, type EngineFlags } from './engine-options.ts'
import { isOfEveryJob, jsonLine, showEvent } from './event-lines.ts'
import { idsOf, isJournal, journalText, priorityOf } from './journal-lines.ts'
import { LineWriter } from './line-writer.ts'
import { addOwnerOptions, openOwnerSide, readHours, type OwnerFlags } from './owner-options.ts'
import { addPayoutOptions } from './payout-options.ts'
import { addMetricsOption, openRunControl, type MetricsFlags } from './run-control.ts'
import { requiredEdge, settingsPath, settle, type SettledFrom } from './run-settings.ts'
import { terminal, type Terminal } from './terminal.ts'

export interface RunFlags extends EngineFlags, MetricsFlags, OwnerFlags, PayoutFlags {
  readonly role: Role
  readonly edge: string
  readonly price: string
  readonly capabilities?: string
  readonly endpoints?: string
  readonly quantization?: string
  readonly dataCollection?: string
  readonly data?: string
  readonly grace: number
  readonly json?: boolean
  readonly quiet?: boolean
}

/** Adds `run` to the program. */
export function addRunCommand(program: Command): void {
  addRunOptions(program.command('run').description('serve models to an edge until stopped')).action(
    async ({ data }: RunFlags, command: Command) => {
      const settings = settingsOf(command, data)
      const flags = command.opts<RunFlags>()
      await run({ ...flags, edge: requiredEdge(flags) }, settings)
    },
  )
}

/** Fills in what agent.json says beneath the command line, unless it is not to be read. Throws OwnerError. */
export const settingsOf = (command: Command, data: string | undefined): SettledFrom | undefined =>
  process.env[SETTINGS_VARIABLE] === NO_SETTINGS
    ? undefined
    : settle(command, settingsPath(data), () => addRunOptions(new Command()))

/** Adds the options of `run` to any command; `planRun` reads them. */
export function addRunOptions(command: Command): Command {
  command
    .addOption(
      new Option('--edge <url>', 'the edge, such as https://edge.example.org').env('INFERNET_EDGE'),
    )
    .addOption(
      new Option('--role <role>', 'provider: runs jobs; verifier: scores the answers of others')
        .choices(['provider', 'verifier'] satisfies Role[])
        .default('provider'),
    )
  addEngineOptions(command)
    .option('--price <price>', 'msat per million tokens', priceText(DEFAULT_PRICE))
    .addOption(
      new Option(
        '--capabilities <list>',
        'what the models can do, where the agent should not find out',
      ).env('INFERNET_CAPABILITIES'),
    )
    .addOption(
      new Option(
        '--endpoints <list>',
        'what the models are offered for: chat.completions,completions,embeddings',
      ).env('INFERNET_ENDPOINTS'),
    )
    .addOption(
      new Option('--quantization <word>', 'weight format of the models: fp8, int4, Q4_K_M …').env(
        'INFERNET_QUANTIZATION',
      ),
    )
    .addOption(
      new Option(
        '--data-collection <allow|deny>',
        'whether prompts may be kept here (default: deny)',
      ).env('INFERNET_DATA_COLLECTION'),
    )
    .option('--data <directory>', 'where key and receipts are kept (INFERNET_DATA)')
    .option(
      '--grace <seconds>',
      'time for running jobs when stopped',
      count(3600),
      DRAIN_GRACE_MS / 1000,
    )
    .option('--json', 'one JSON object per event on stdout')
    .option('--quiet', 'no line for every job')
  addOwnerOptions(command)
  addMetricsOption(command)
  return addPayoutOptions(command)
}

/** Checks all that the options say, and starts nothing. Throws OwnerError. */
export function planRun(flags: RunFlags) {
  const edge = ownersFault(EXIT.usage, () => edgeAddress(flags.edge))
  const { overrides, dataCollection } = ownersFault(EXIT.usage, () => readOfferFlags(flags))
  const payouts = ownersFault(EXIT.usage, () => readPayoutFlags(flags))
  const engine = ownersFault(EXIT.usage, () =>
    createEngine(engineOptions(flags, overrides), systemClock.now),
  )
  const price = ownersFault(EXIT.usage, () => parsePrice(flags.price, DEFAULT_PRICE))
  const hours = ownersFault(EXIT.usage, () => readHours(flags))
  return { edge, dataCollection, payouts, engine, price, hours }
}

async function run(flags: RunFlags, settings: SettledFrom | undefined): Promise<void> {
  const files = dataDir(flags.data, process.env)
  const watch = new AgentWatch(jsonLine, systemClock.monotonic)
  const service = serviceWatch()
  const write = eventWriter(flags)
  const events = new EventLog((event, at) => {
    write(event, at, watch.take(event, at))
    service.saw(event)
  }, systemClock.now)
  const { edge, dataCollection, payouts, engine, price, hours } = planRun(flags)
  const { identity, created, exposed } = ownersFault(EXIT.data, () =>
    loadIdentity(files.key, files),
  )
  announceKey(events, { identity, created, exposed }, files.key)
  announceSettings(events, settings)
  const { peer } = identity
  const control = await openRunControl({ socket: files.control, flags, peer, watch, events })
  const agent = ownersFault(
    EXIT.data,
    () =>
      new Agent({
        edge,
        identity,
        engine,
        ...(flags.role === 'verifier' ? { role: flags.role } : {}),
        price,
        slots: flags.slots,
        dataCollection,
        payouts: openPayoutDesk(payouts, identity, events),
        ...openOwnerSide(flags, hours, events),
        outboxPath: files.outbox,
        events,
        clock: systemClock,
        random: Math.random,
        drainGraceMs: flags.grace * 1000,
      }),
  )
  control.attach(agent)
  stopOnSignals(agent)
  try {
    process.exitCode = (await agent.run()) === 'refused' ? EXIT.refused : EXIT.ok
  } catch (error) {
    if (error instanceof EngineStartError) throw new OwnerError(EXIT.engine, error.message)
    if (error instanceof VerifierError) throw new OwnerError(EXIT.usage, error.message)
    throw error
  } finally {
    service.close()
    await control.close()
  }
}

/** Tells systemd how the agent is, where systemd has started it. */
function serviceWatch(): ServiceWatch {
  const notify = sdNotify(process.env, process.pid, (message) => {
    console.error(`infernet-agent: ${message}`)
  })
  return new ServiceWatch(notify, systemClock.monotonic)
}

/** Shows events to the owner: as they are, or each as its line of JSON; to the journal with what it sorts them by. */
function eventWriter({ json, quiet }: RunFlags) {
  const output = new LineWriter(process.stdout)
  process.on('exit', () => output.flush())
  const to = terminal(output)
  const inJournal = isJournal(process.env['JOURNAL_STREAM'], fstatSync, process.stdout.fd)
  return (event: AgentEvent, at: number, line: string): void => {
    if (quiet && isOfEveryJob(event)) return
    if (json) output.write(inJournal ? `<${priorityOf(event)}>${line}` : line)
    else showEvent(inJournal ? journal(output, event) : to, event, at)
    // What is rare is news: whoever waits for it sees it at once.
    if (!isOfEveryJob(event)) output.flush()
  }
}

/** Where one event is written to the journal. */
const journal = (output: LineWriter, event: AgentEvent): Terminal => ({
  line(text) {
    output.write(`${journalText(text + idsOf(event), priorityOf(event))}\n`)
  },
  spin() {},
})

function announceKey(
  events: EventLog,
  { identity, created, exposed }: LoadedIdentity,
  path: string,
) {
  if (created) events.emit({ event: 'key_created', peer: identity.peer, path })
  if (exposed) events.emit({ event: 'key_exposed', path })
}

function announceSettings(events: EventLog, settings: SettledFrom | undefined): void {
  if (settings === undefined) return
  const options = new Set(settings.taken.map(({ flag }) => flag.slice(2)))
  events.emit({ event: 'settings', path: settings.path, options: [...options] })
}

/** SIGTERM and Ctrl-C drain, a second one stops. A supervisor's death stops. */
function stopOnSignals(agent: Agent): void {
  process.on('SIGTERM', () => agent.drain())
  process.on('SIGINT', () => agent.drain())
  if (process.env['INFERNET_SUPERVISED'] !== '1') return
  process.stdin.on('end', () => agent.stop()).on('error', () => agent.stop())
  process.stdin.resume()
}

const OWNERS = [
  CredentialError,
  EdgeAddressError,
  EngineStartError,
  HoursError,
  KeyError,
  OfferFlagError,
  OutboxError,
  PayoutFlagError,
  PriceError,
]

/** Turns an error that the owner can mend into one line and an exit code. */
function ownersFault<T>(exitCode: OwnerError['exitCode'], work: () => T): T {
  try {
    return work()
  } catch (error) {
    const isOwners = OWNERS.some((type) => error instanceof type)
    if (isOwners && error instanceof Error) throw new OwnerError(exitCode, error.message)
    throw error
  }
}

const priceText = ({ prompt, completion }: Price): string =>
  `prompt=${prompt},completion=${completion}`
