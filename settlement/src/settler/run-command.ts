import { Option, type Command } from 'commander'
import type { NodeInfo } from '../lightning/lightning-backend.ts'
import { SIMULATED_MARK } from '../lightning/simulated-mark.ts'
import { crashAt } from './crash-at.ts'
import { EXIT } from './exit-codes.ts'
import { runOptions, type RunFlags } from './run-options.ts'
import { settlerLog, type SettlerLog } from './settler-log.ts'
import { DEFAULT_LEASE_MS, LeaseError } from './settler-lease.ts'
import { runSettlerProcess } from './settler-process.ts'

/** Adds `run` to the program. */
export function addRunCommand(program: Command): void {
  program
    .command('run')
    .description('take money in and pay it out at an LND, as the edge orders, until stopped')
    .addOption(mandatory('--edge <url>', 'the edge, such as https://edge.example.org'))
    .addOption(mandatory('--edge-token-file <file>', 'the settler’s token at the edge'))
    .addOption(
      mandatory('--database-url <url>', 'postgres://… or http://…/sql').env('DATABASE_URL'),
    )
    .addOption(mandatory('--lnd <host:port>', 'LND’s gRPC listener'))
    .addOption(mandatory('--lnd-cert <file>', 'LND’s tls.cert'))
    .addOption(mandatory('--macaroons <dir>', 'intake.macaroon and payout.macaroon, see bake'))
    .addOption(
      mandatory(
        '--key-file <file>',
        'secret of 32 bytes that invoices are derived from, mode 0600',
      ),
    )
    .option('--create-key', 'make the key file if there is none')
    .option('--allow-plain-edge', 'send the token without TLS, inside a private network')
    .option('--payout-threshold-sat <n>', 'providers are paid from this balance on', '1000')
    .option('--payout-max-age <time>', 'or when the oldest of it is this old', '24h')
    .option(
      '--payout-minimum-msat <n>',
      'the least to a provider’s own node: 1 where you have a channel with it',
      '1000',
    )
    .option('--holdback <time>', 'what no audit has found good is payable after', '24h')
    .option(
      '--newcomer-holdback <time>',
      'of a provider’s first week every second job is, after',
      '7d',
    )
    .option('--daily-cap-sat <n>', 'the most that one provider is paid within a day', '1000000')
    .option(
      '--lease-seconds <n>',
      'how long a settler that was killed keeps others waiting',
      String(DEFAULT_LEASE_MS / 1000),
    )
    .option('--metrics-port <n>', 'Prometheus metrics on loopback')
    .option('--json', 'one JSON object per event on stdout')
    .action(run)
}

const mandatory = (flags: string, description: string): Option =>
  new Option(flags, description).makeOptionMandatory()

async function run(flags: RunFlags): Promise<void> {
  const options = runOptions(flags, process.env['CREDENTIALS_DIRECTORY'])
  const at = crashAt(process.env) ?? (() => {})
  const stop = new AbortController()
  stopOnSignals(() => stop.abort())
  let node: NodeInfo | undefined
  let ready = false
  // The first line on stdout says that we are ready; what happens before is for people to see.
  const write = (line: string) => (ready ? process.stdout : process.stderr).write(line)
  const simulated = () => node?.simulated ?? false
  const log = settlerLog({ json: options.json, simulated, write, now: () => new Date() })
  const onNode = (known: NodeInfo) => (node = known)
  const onReady = (known: NodeInfo) => {
    ready = true
    process.stdout.write(readyLine(known, options.json))
  }
  try {
    const environment = process.env['INFERNET_ENV']
    await runSettlerProcess({ options, log, at, environment, onNode, onReady }, stop.signal)
    log('stopped')
  } catch (error) {
    if (!(error instanceof LeaseError)) throw error
    leaseLost(log, error)
  }
}

function readyLine(node: NodeInfo, json: boolean): string {
  const { pubkey, network, simulated } = node
  if (json) return `${JSON.stringify({ ready: true, node: pubkey, network, simulated })}\n`
  const mark = simulated ? `${SIMULATED_MARK} ` : ''
  return `infernet-settler settles on ${mark}node ${node.alias} (${pubkey}, ${network})\n`
}

/** Nothing more may be paid by this process, whatever is still on its way to the node. */
function leaseLost(log: SettlerLog, error: LeaseError): void {
  log('lease_lost', { error, next: 'stopping; start it again, it waits for its turn' })
  process.exitCode = EXIT.leaseLost
}

/** SIGTERM and Ctrl-C stop in order, a second one at once. A supervisor's death stops as well. */
function stopOnSignals(stop: () => void): void {
  let stopping = false
  const once = () => {
    if (stopping) process.exit(EXIT.failure)
    stopping = true
    stop()
  }
  process.on('SIGTERM', once).on('SIGINT', once)
  if (process.env['INFERNET_SUPERVISED'] !== '1') return
  process.stdin.on('end', stop).on('error', stop).resume()
}
