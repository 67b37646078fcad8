import { POWERS } from '../reputation/standing.ts'
import { Books } from './books.ts'
import { bondMsat, heldMsat, type Identity } from './identity.ts'
import { addProvider, addVerifier, runHour } from './market.ts'
import type { MarketRules, MarketSetting } from './market-rules.ts'
import type { Market } from './market-state.ts'
import { seededRandom } from './random.ts'
import { playersOf, type Player } from './players.ts'

const HOURS_PER_DAY = 24
/** What everybody begins with, msat: electricity is paid before the first earnings are released. */
const CAPITAL_MSAT = 10n ** 10n
/** More than is spent in a year. */
const CLIENTS_MSAT = 10n ** 15n

export interface SimulationInput {
  readonly rules: MarketRules
  readonly setting: MarketSetting
  readonly seed: number
}

/** How one player has fared. */
export interface Outcome {
  readonly name: string
  /** What it gained or lost on each day, msat; what is held back or deposited counts as its own. */
  readonly dailyMsat: readonly bigint[]
  readonly profitMsat: bigint
  /** The day (from 1) on which the operator's engine first confirmed that it cheats. */
  readonly caughtOnDay: number | undefined
  /** Names under which it has provided or verified. */
  readonly identities: number
  /** Hours in which none of them could take work. */
  readonly idleHours: number
}

export interface Simulation {
  /** One for each player: several may follow the same strategy. */
  readonly outcomes: readonly Outcome[]
  /** All money there is, in the beginning and in the end. */
  readonly totalMsat: readonly [bigint, bigint]
}

/** A player's row while the market runs. */
interface Record {
  readonly player: Player
  readonly dailyMsat: bigint[]
  profitMsat: bigint
  caughtOnDay: number | undefined
  idleHours: number
}

/** Runs the market. The same input has the same outcome. */
export function simulate({ rules, setting, seed }: SimulationInput): Simulation {
  const books = new Books()
  const players = playersOf(setting)
  books.open('clients', CLIENTS_MSAT)
  books.open('operator', CAPITAL_MSAT)
  books.open('world', 0n)
  for (const { wallet } of players) books.open(wallet, CAPITAL_MSAT)
  const before = books.total()
  const random = seededRandom(seed)
  const market = { rules, setting, random, books, providers: [], verifiers: [], now: 0 }
  for (const { wallet, provides, verifies } of players) {
    if (provides !== undefined) addProvider(market, provides, wallet)
    if (verifies !== undefined) addVerifier(market, verifies, wallet)
  }
  const records = players.map(newRecord)
  for (let day = 1; day <= setting.days; day++) {
    for (let hour = 0; hour < HOURS_PER_DAY; hour++) {
      runHour(market)
      for (const record of records) noteHour(record, identitiesOf(market, record.player), day)
    }
    for (const record of records) noteDay(market, record)
  }
  return {
    outcomes: records.map((record) => outcomeOf(market, record)),
    totalMsat: [before, books.total()],
  }
}

const newRecord = (player: Player): Record => ({
  player,
  dailyMsat: [],
  profitMsat: 0n,
  caughtOnDay: undefined,
  idleHours: 0,
})

const identitiesOf = ({ providers, verifiers }: Market, { wallet }: Player): Identity[] =>
  [...providers, ...verifiers].filter((identity) => identity.wallet === wallet)

function noteHour(record: Record, identities: readonly Identity[], day: number): void {
  if (!identities.some(({ conduct }) => POWERS[conduct.standing].takesJobs)) record.idleHours++
  if (identities.some(({ conduct }) => conduct.offences > 0)) record.caughtOnDay ??= day
}

function noteDay(market: Market, record: Record): void {
  const { books } = market
  const own = identitiesOf(market, record.player)
    .map((identity) => heldMsat(books, identity) + bondMsat(books, identity))
    .reduce((sum, amount) => sum + amount, books.balance(record.player.wallet))
  const profitMsat = own - CAPITAL_MSAT
  record.dailyMsat.push(profitMsat - record.profitMsat)
  record.profitMsat = profitMsat
}

const outcomeOf = (market: Market, { player, ...record }: Record): Outcome => ({
  ...record,
  name: player.name,
  identities: identitiesOf(market, player).length,
})
