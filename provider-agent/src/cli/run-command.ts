import type { Price } from '@infernet/schemas/wire'
import { parsePrice, PriceError } from '@infernet/settlement/price-text'
import { Option, type Command } from 'commander'
import { Agent } from '../agent.ts'
import type { Role } from '../capability.ts'
import { dataDir } from '../data-dir.ts'
import { createEngine } from '../engines/create-engine.ts'
import { EngineStartError } from '../engines/engine.ts'
import { OfferFlagError, readOfferFlags } from '../engines/offer-overrides.ts'
import { EventLog, type AgentEvent } from '../events.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { KeyError, loadIdentity, type LoadedIdentity } from '../identity.ts'
import { DRAIN_GRACE_MS } from '../limits.ts'
import { edgeAddress, EdgeAddressError } from '../link/edge-address.ts'
import { DEFAULT_PRICE } from '../price.ts'
import { openPayoutDesk } from '../payout/open-payout-desk.ts'
import { PayoutFlagError, readPayoutFlags, type PayoutFlags } from '../payout/payout-plan.ts'
import { OutboxError } from '../receipts/outbox.ts'
import { VerifierError } from '../verifier/verifier-error.ts'
import { count } from './count.ts'
import { addEngineOptions, engineOptions, type EngineFlags } from './engine-options.ts'
import { isOfEveryJob, jsonLine, showEvent } from './event-lines.ts'
import { LineWriter } from './line-writer.ts'
import { addPayoutOptions } from './payout-options.ts'
import { terminal } from './terminal.ts'

interface RunFlags extends EngineFlags, PayoutFlags {
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
  const command = program
    .command('run')
    .description('serve models to an edge until stopped')
    .addOption(
      new Option('--edge <url>', 'the edge, such as https://edge.example.org')
        .env('INFERNET_EDGE')
        .makeOptionMandatory(),
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
  addPayoutOptions(command).action(run)
}

async function run(flags: RunFlags): Promise<void> {
  const files = dataDir(flags.data, process.env)
  const events = new EventLog(eventWriter(flags), Date.now)
  const edge = ownersFault(EXIT.usage, () => edgeAddress(flags.edge))
  const { overrides, dataCollection } = ownersFault(EXIT.usage, () => readOfferFlags(flags))
  const plan = ownersFault(EXIT.usage, () => readPayoutFlags(flags))
  const engine = ownersFault(EXIT.usage, () =>
    createEngine(engineOptions(flags, overrides), Date.now),
  )
  const { identity, created, exposed } = ownersFault(EXIT.data, () => loadIdentity(files.key))
  announceKey(events, { identity, created, exposed }, files.key)
  const agent = ownersFault(
    EXIT.data,
    () =>
      new Agent({
        edge,
        identity,
        engine,
        ...(flags.role === 'verifier' ? { role: flags.role } : {}),
        price: ownersFault(EXIT.usage, () => parsePrice(flags.price, DEFAULT_PRICE)),
        slots: flags.slots,
        dataCollection,
        payouts: openPayoutDesk(plan, identity, events),
        outboxPath: files.outbox,
        events,
        now: Date.now,
        random: Math.random,
        drainGraceMs: flags.grace * 1000,
      }),
  )
  stopOnSignals(agent)
  try {
    process.exitCode = (await agent.run()) === 'refused' ? EXIT.refused : EXIT.ok
  } catch (error) {
    if (error instanceof EngineStartError) throw new OwnerError(EXIT.engine, error.message)
    if (error instanceof VerifierError) throw new OwnerError(EXIT.usage, error.message)
    throw error
  }
}

function eventWriter({ json, quiet }: RunFlags): (event: AgentEvent, at: number) => void {
  const output = new LineWriter(process.stdout)
  process.on('exit', () => output.flush())
  const to = terminal(output)
  return (event, at) => {
    if (quiet && isOfEveryJob(event)) return
    if (json) output.write(jsonLine(event, at))
    else showEvent(to, event, at)
    // What is rare is news: whoever waits for it sees it at once.
    if (!isOfEveryJob(event)) output.flush()
  }
}

function announceKey(
  events: EventLog,
  { identity, created, exposed }: LoadedIdentity,
  path: string,
) {
  if (created) events.emit({ event: 'key_created', peer: identity.peer, path })
  if (exposed) events.emit({ event: 'key_exposed', path })
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
  EdgeAddressError,
  EngineStartError,
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
