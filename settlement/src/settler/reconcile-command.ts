import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { connectDatabase } from '../db/connect.ts'
import { openDatabase, type Database } from '../db/database.ts'
import type { LightningBackend } from '../lightning/lightning-backend.ts'
import { openLnd } from '../lightning/open-lnd.ts'
import { edgeBalances } from '../reconcile/edge-balances.ts'
import { isSound, reconcile } from '../reconcile/reconcile.ts'
import type { LiveBalances } from '../reconcile/reconcile-accounts.ts'
import { reportJson, reportTable } from '../reconcile/report.ts'
import { planSuspense, postSuspense } from '../reconcile/to-suspense.ts'
import { lndAddress } from './run-options.ts'

/** 0: no drift; 1: drift, in suspense now or not; 2: nobody can say, since a side could not be asked. */
const RECONCILE_EXIT = { sound: 0, drift: 1, undone: 2 } as const

/** Commit fees and anchors of a few channels: 10,000 sat. */
const DEFAULT_TOLERANCE_MSAT = 10_000_000n
/** What a program may move to suspense by itself: 100,000 sat. */
const DEFAULT_POST_LIMIT_MSAT = 100_000_000n
/** A node with millions of records takes minutes. */
const TIMEOUT_MS = 30 * 60_000

export interface ReconcileArguments {
  readonly databaseUrl: string
  readonly lnd: string
  readonly lndCert: string
  readonly macaroons: string
  readonly edge?: string
  readonly operatorTokenFile?: string
  readonly accounts?: number
  readonly openingBalanceMsat?: bigint
  readonly toleranceMsat: bigint
  readonly dryRun?: boolean
  readonly postLimitMsat: bigint
  readonly json?: boolean
}

/** What the command needs of the world. */
export interface ReconcileRim {
  open(options: ReconcileArguments): Promise<OpenSides>
  write(text: string): void
  /** Says why it could not be done. */
  fail(text: string): void
  exit(code: number): void
  /** Unix ms. */
  now(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export interface OpenSides {
  readonly db: Database
  readonly node: LightningBackend
  readonly live: LiveBalances | undefined
  close(): Promise<void>
}

/** Adds `reconcile` to the program. */
export function addReconcileCommand(program: Command, rim: Partial<ReconcileRim> = {}): void {
  const whole: ReconcileRim = { ...REAL_RIM, ...rim }
  program
    .command('reconcile')
    .description(
      'compare the ledger with LND and with live balances, and move to suspense what nothing else will book; exit code 1 on drift, 2 when it could not be done',
    )
    .requiredOption('--database-url <url>', 'PostgreSQL, or http://…/sql')
    .requiredOption('--lnd <host:port>', 'LND’s gRPC listener')
    .requiredOption('--lnd-cert <file>', 'its TLS certificate')
    .requiredOption('--macaroons <folder>', 'the folder of recon.macaroon')
    .option('--edge <url>', 'compares the live balances of this edge as well')
    .option('--operator-token-file <file>', 'of the edge')
    .option('--accounts <number>', 'compares so many live balances at most', wholeNumber)
    .option('--opening-balance-msat <msat>', 'in the channels before the first posting', msat)
    .addOption(msatOption('--tolerance-msat', 'for the channels’ balance', DEFAULT_TOLERANCE_MSAT))
    .option('--dry-run', 'only reports, and says what would go to suspense')
    .addOption(
      msatOption('--post-limit-msat', 'the most that goes to suspense', DEFAULT_POST_LIMIT_MSAT),
    )
    .option('--json', 'one JSON object')
    .action(async (options: ReconcileArguments) => whole.exit(await runReconcile(options, whole)))
}

/** The exit code; see {@link RECONCILE_EXIT}. */
export async function runReconcile(
  options: ReconcileArguments,
  rim: ReconcileRim,
): Promise<number> {
  let sides: OpenSides | undefined
  try {
    sides = await rim.open(options)
    const result = await reconcile(sides, {
      openingMsat: options.openingBalanceMsat,
      toleranceMsat: options.toleranceMsat,
      limit: options.accounts ?? Number.POSITIVE_INFINITY,
      now: () => Math.floor(rim.now() / 1000),
      sleep: rim.sleep,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const plan = planSuspense(result, {
      limitMsat: options.postLimitMsat,
      isDry: options.dryRun ?? false,
    })
    const moves = await postSuspense(sides.db, plan, new Date(rim.now()))
    rim.write(options.json ? JSON.stringify(reportJson(result, moves)) : reportTable(result, moves))
    return isSound(result) ? RECONCILE_EXIT.sound : RECONCILE_EXIT.drift
  } catch (error) {
    rim.fail(`not reconciled: ${error instanceof Error ? error.message : String(error)}`)
    return RECONCILE_EXIT.undone
  } finally {
    await sides?.close()
  }
}

const REAL_RIM: ReconcileRim = {
  open: openSides,
  write: (text) => process.stdout.write(`${text}\n`),
  fail: (text) => process.stderr.write(`infernet-settler: ${text}\n`),
  exit: (code) => (process.exitCode = code),
  now: Date.now,
  sleep: async (ms, signal) => await sleep(ms, undefined, { signal }),
}

async function openSides(options: ReconcileArguments): Promise<OpenSides> {
  const { edge, operatorTokenFile } = options
  if ((edge === undefined) !== (operatorTokenFile === undefined))
    throw new TypeError('--edge and --operator-token-file belong together')
  const live =
    edge === undefined || operatorTokenFile === undefined
      ? undefined
      : edgeBalances(new URL(edge), readFileSync(operatorTokenFile, 'utf8').trim())
  const address = lndAddress(options, 'recon')
  const connection = connectDatabase(options.databaseUrl)
  const node = await openLnd(address)
  return {
    db: openDatabase(connection),
    node,
    live,
    close: async () => {
      node.close()
      await connection.close()
    },
  }
}

/** With a default that the help can print, which it cannot do with a bigint. */
const msatOption = (flag: string, description: string, byDefault: bigint): Option =>
  new Option(`${flag} <msat>`, description).argParser(msat).default(byDefault, String(byDefault))

function msat(text: string): bigint {
  if (!/^[0-9]{1,18}$/.test(text)) throw new InvalidArgumentError('Not a whole number of msat.')
  return BigInt(text)
}

function wholeNumber(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('Not a number above zero.')
  return Number(text)
}
