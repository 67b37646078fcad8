import { randomBytes } from 'node:crypto'
import { migrateDatabase } from '@infernet/edge/hosts/node/migrate'
import { connectDatabase } from '@infernet/settlement/db/connect'
import { openDatabase } from '@infernet/settlement/db/database'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { post } from '@infernet/settlement/db/post'
import { posting } from '@infernet/settlement/ledger/posting'
import type { LightningBackend } from '@infernet/settlement/lightning/lightning-backend'
import { openLnd } from '@infernet/settlement/lightning/open-lnd'
import { PayoutEngine } from '@infernet/settlement/payout/payout-engine'
import { PgPayoutStore } from '@infernet/settlement/payout/pg-payout-store'
import { areBuilt, lndBinaries } from '@infernet/settlement/testing/regtest/lnd-binaries'
import { RegtestNetwork } from '@infernet/settlement/testing/regtest/regtest'
import type { Verdict } from './goals.ts'
import { rotate } from './rounds.ts'
import { median, percentile } from './statistics.ts'

/** At least this much of what LND does when nobody keeps books. */
const SHARE = 0.7
const GOAL = `payouts/s on real LND, at least ${SHARE} x invoices paid in a bare loop`
/** As many payees as are paid at once: one payout is under way per payee. */
const PAYEES = 16
const AMOUNT_MSAT = 1_000n
/** What every payee is owed: more than any run pays. */
const OWED_MSAT = 1_000_000_000n
const MS_PER_S = 1_000

/** How much to pay. */
export interface SettlementBudget {
  readonly rounds: number
  /** Payments of each kind, one after the other, in each round. */
  readonly single: number
  /** The same, {@link PAYEES} at a time. */
  readonly crowd: number
}

export const FULL_SETTLEMENT: SettlementBudget = { rounds: 5, single: 20, crowd: 96 }
export const QUICK_SETTLEMENT: SettlementBudget = { rounds: 2, single: 5, crowd: 32 }

/** One way to pay; medians over the rounds. */
export interface SettlementRow {
  readonly name: string
  /** Of a payment alone, ms. */
  readonly p50: number
  readonly p99: number
  readonly perSecond: number
  /** Median of the rate's share of the bare loop's in the same round. */
  readonly ratio: number
}

export interface SettlementFigures {
  readonly rows: readonly SettlementRow[]
  readonly node: string
}

/** Pays once; `payee` is below {@link PAYEES}. */
type Pay = (payee: number) => Promise<void>
interface Way {
  readonly name: string
  readonly pay: Pay
}

const BARE = 'an invoice, paid'
const ENGINE = 'a payout: posted, invoice asked for, written down, paid, posted'

interface Measured {
  readonly latencies: number[]
  readonly rate: number
}

/**
 * Measures payouts from what is payable to the preimage in the ledger, on real LND over a direct channel
 * and a real PostgreSQL (a throw-away one), beside a loop that adds and pays invoices and keeps no books.
 * Undefined when LND is not built.
 */
export async function measureSettlement(
  url: string,
  budget: SettlementBudget,
  onStep: (text: string) => void,
): Promise<SettlementFigures | undefined> {
  const binaries = lndBinaries()
  if (!areBuilt(binaries)) return undefined
  onStep('settlement: starting LND')
  await migrateDatabase(url)
  const connection = connectDatabase(url)
  const regtest = await RegtestNetwork.start(binaries, ['operator', 'provider'])
  const stop = new AbortController()
  const backends: LightningBackend[] = []
  try {
    for (const node of regtest.nodes) backends.push(await openLnd(node.address()))
    const [operator, provider] = backends
    if (operator === undefined || provider === undefined) throw new Error('The nodes are missing')
    const ways = [
      { name: BARE, pay: barePay(operator, provider) },
      { name: ENGINE, pay: await enginePay(connection, operator, provider, stop.signal) },
    ]
    const rows = await measureRounds(ways, budget, onStep)
    return { rows, node: `LND ${binaries.version} on regtest, a direct channel` }
  } finally {
    stop.abort()
    for (const backend of backends) backend.close()
    await regtest.stop()
    await connection.close()
  }
}

const invoiceOf = async (provider: LightningBackend): Promise<string> => {
  const preimage = randomBytes(32).toString('hex')
  const order = { preimage, amountMsat: AMOUNT_MSAT, memo: 'bench', expirySeconds: 3_600 }
  return (await provider.addInvoice(order)).bolt11
}

const barePay =
  (operator: LightningBackend, provider: LightningBackend): Pay =>
  async () => {
    const bolt11 = await invoiceOf(provider)
    const outcome = await operator.pay({
      to: { kind: 'bolt11', bolt11 },
      feeLimitMsat: 0n,
      timeoutSeconds: 30,
      cltvLimit: 1_008,
      maxParts: 1,
    })
    if (outcome.status !== 'succeeded') throw new Error(`A payment is ${outcome.status}`)
  }

async function enginePay(
  port: DbPort,
  operator: LightningBackend,
  provider: LightningBackend,
  signal: AbortSignal,
): Promise<Pay> {
  const db = openDatabase(port)
  const owners = Array.from(
    { length: PAYEES },
    () => `provider:${randomBytes(8).toString('hex')}` as const,
  )
  for (const owner of owners)
    await post(
      db,
      posting(`grant:${owner}`, 'grant', [
        ['equity:operator', -OWED_MSAT],
        [owner, OWED_MSAT],
      ]),
      new Date(),
    )
  const node = await operator.info()
  const epoch = await takeLease(port, node.pubkey)
  const engine = new PayoutEngine({
    store: new PgPayoutStore({ db, epoch }),
    lightning: operator,
    node,
    keysendKey: randomBytes(32),
    requestInvoice: () => invoiceOf(provider),
    hooks: { now: Date.now, random: Math.random, sleep },
    signal,
  })
  return async (payee) => {
    const owner = owners[payee] ?? owners[0]
    if (owner === undefined) throw new Error('There is no payee')
    const payout = await engine.pay({
      id: `po_${randomBytes(16).toString('hex')}`,
      owner,
      amountMsat: AMOUNT_MSAT,
      feeReserveMsat: 0n,
      feeLimitMsat: 0n,
      destination: { kind: 'ask', whom: owner },
    })
    if (payout.state !== 'succeeded') throw new Error(`A payout ${payout.state}`)
  }
}

/** For as long as the bench runs. */
async function takeLease(port: DbPort, pubkey: string): Promise<number> {
  const epoch = Date.now()
  await port.query(
    `insert into settler_lease (id, holder, epoch, expires_at, node_pubkey, network, simulated)
     values (1, 'bench', $1, now() + interval '1 hour', $2, 'regtest', false)
     on conflict (id) do update set holder = excluded.holder, epoch = excluded.epoch`,
    [epoch, pubkey],
  )
  return epoch
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function measureRounds(
  ways: readonly Way[],
  budget: SettlementBudget,
  onStep: (text: string) => void,
): Promise<SettlementRow[]> {
  const rounds: Map<string, Measured>[] = []
  for (let round = 0; round < budget.rounds; round++) {
    onStep(`settlement, round ${round + 1} of ${budget.rounds}`)
    const measured = new Map<string, Measured>()
    for (const { name, pay } of rotate(ways, round))
      measured.set(name, {
        latencies: await oneByOne(pay, budget.single),
        rate: await ratePerSecond(pay, budget.crowd),
      })
    rounds.push(measured)
  }
  return ways.map(({ name }) => {
    const own = rounds.flatMap((round) => round.get(name) ?? [])
    const latencies = own.flatMap((one) => one.latencies)
    const ratios = rounds.map(
      (round) => (round.get(name)?.rate ?? 0) / (round.get(BARE)?.rate ?? Infinity),
    )
    return {
      name,
      p50: median(latencies) ?? 0,
      p99: percentile(latencies, 0.99) ?? 0,
      perSecond: median(own.map(({ rate }) => rate)) ?? 0,
      ratio: median(ratios) ?? 0,
    }
  })
}

async function oneByOne(pay: Pay, payments: number): Promise<number[]> {
  const latencies: number[] = []
  for (let n = 0; n < payments; n++) {
    const begun = performance.now()
    await pay(0)
    latencies.push(performance.now() - begun)
  }
  return latencies
}

async function ratePerSecond(pay: Pay, payments: number): Promise<number> {
  let left = payments
  const begun = performance.now()
  const payee = async (index: number): Promise<void> => {
    while (left-- > 0) await pay(index)
  }
  await Promise.all(Array.from({ length: PAYEES }, (_, index) => payee(index)))
  return (payments * MS_PER_S) / (performance.now() - begun)
}

/** Whether keeping books costs too much; nothing when that was not measured. */
export function judgeSettlement(figures: SettlementFigures | undefined): Verdict[] {
  const ratio = figures?.rows.find(({ name }) => name === ENGINE)?.ratio
  if (ratio === undefined) return []
  const outcome = ratio >= SHARE ? 'met' : 'NOT met'
  return [{ target: 'infernet-settlement', text: GOAL, outcome, ratio }]
}

/** The rows as a section of the Markdown report. */
export function renderSettlement(figures: SettlementFigures | undefined): string[] {
  if (figures === undefined) return []
  return [
    `## Payments, one alone and ${PAYEES} at a time (\`settlement\`)\n`,
    `${figures.node}.\n`,
    '| payment | p50 ms | p99 ms | payments/s | x |',
    '|---|---:|---:|---:|---:|',
    ...figures.rows.map(
      ({ name, p50, p99, perSecond, ratio }) =>
        `| ${name} | ${p50.toFixed(0)} | ${p99.toFixed(0)} | ${perSecond.toFixed(1)} | ${ratio.toFixed(2)} |`,
    ),
    '',
  ]
}
