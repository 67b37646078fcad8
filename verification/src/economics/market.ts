import { endsAt, nextConduct } from '../reputation/conduct.ts'
import { creditLimitMsat } from '../reputation/credit-limit.ts'
import { count } from '../reputation/decayed-counts.ts'
import { score } from '../reputation/score.ts'
import { POWERS } from '../reputation/standing.ts'
import { auditJobs, auditVerifier } from './audits.ts'
import { shareOutDemand } from './demand.ts'
import { bondMsat, earn, heldMsat, join, release, type Identity } from './identity.ts'
import type { Market, Provider, Verifier } from './market-state.ts'
import { roundedAtRandom } from './random.ts'
import type { ProviderStrategy, VerifierStrategy } from './strategies.ts'

const HOUR_MS = 3_600_000
const HOURS_PER_DAY = 24

export function addProvider(market: Market, strategy: ProviderStrategy, wallet: string): void {
  const id = `provider ${market.providers.length + 1}`
  const identity = join(market.books, { id, wallet }, joining(market))
  market.providers.push({ ...identity, strategy, weight: weightOf(identity) })
}

export function addVerifier(market: Market, strategy: VerifierStrategy, wallet: string): void {
  const id = `verifier ${market.verifiers.length + 1}`
  const identity = join(market.books, { id, wallet }, joining(market))
  market.verifiers.push({ ...identity, strategy, assigned: 0 })
}

const joining = ({ rules, now }: Market) => ({ bondMsat: rules.bondMsat, now })

/** One hour: time passes, jobs are shared out, done, paid for and audited. */
export function runHour(market: Market): void {
  for (const identity of [...market.providers, ...market.verifiers]) {
    letTimePass(identity, market.now)
    release(market.books, identity, market.rules.holdback, market.now)
  }
  returnUnderNewNames(market)
  const able = market.providers.filter(takesJobs)
  if ((market.now / HOUR_MS) % HOURS_PER_DAY === 0)
    for (const provider of able) provider.weight = weightOf(provider)
  const shares = shareOutDemand(
    market.setting.demand,
    able.map((provider) => ({ weight: provider.weight, most: mostJobs(market, provider) })),
  )
  able.forEach((provider, i) => serve(market, provider, shares[i]!))
  for (const verifier of market.verifiers) settleVerifier(market, verifier)
  market.now += HOUR_MS
}

const takesJobs = ({ conduct }: Identity): boolean => POWERS[conduct.standing].takesJobs

function letTimePass(identity: Identity, now: number): void {
  const end = endsAt(identity.conduct)
  if (end === undefined || now < end) return
  identity.conduct = nextConduct(identity.conduct, { type: 'time_passed' }, now)
}

/** Who gets no more work comes back as somebody new, if that is its way and it can pay the bond. */
function returnUnderNewNames(market: Market): void {
  const returning = market.providers.filter(({ strategy }) => strategy.returns)
  const strategies = new Map(returning.map(({ wallet, strategy }) => [wallet, strategy]))
  for (const { wallet } of returning.filter(takesJobs)) strategies.delete(wallet)
  for (const [wallet, strategy] of strategies)
    if (market.books.balance(wallet) >= market.rules.bondMsat) addProvider(market, strategy, wallet)
}

/** Prices, uptime and speed are all the same here; only trust differs. */
const weightOf = ({ integrity, completion }: Identity): number =>
  score({ integrity, completion, uptime: 1, speed: 1 }, 1)

/** By capacity and by credit: what is done within the hour has no verdict yet. */
function mostJobs({ books, rules, setting }: Market, provider: Provider): number {
  if (rules.creditFactor === undefined) return setting.capacity
  const security = {
    bondMsat: bondMsat(books, provider),
    heldMsat: heldMsat(books, provider),
    unverifiedMsat: 0n,
  }
  const credit = creditLimitMsat(security, rules.creditFactor) / setting.netMsat
  return Math.min(setting.capacity, Number(credit))
}

function serve(market: Market, provider: Provider, jobs: number): void {
  if (jobs === 0) return
  const { books, setting, random, now } = market
  const { strategy, wallet } = provider
  const cheated = Math.min(
    jobs,
    roundedAtRandom(random, jobs * strategy.cheats(now - provider.joinedAt)),
  )
  const cheatCostMsat = BigInt(Math.round(Number(setting.costMsat) * strategy.cheatCost))
  const cost = setting.costMsat * BigInt(jobs - cheated) + cheatCostMsat * BigInt(cheated)
  books.move(wallet, 'world', cost)
  const netMsat = setting.netMsat * BigInt(jobs)
  const feeMsat = setting.feeMsat * BigInt(jobs)
  earn(books, provider, { payer: 'clients', netMsat, feeMsat, now })
  provider.completion = count(provider.completion, now, { good: jobs })
  release(books, provider, market.rules.holdback, now)
  auditJobs(market, provider, { jobs, cheated })
}

function settleVerifier(market: Market, verifier: Verifier): void {
  const { books, setting, random, now } = market
  const knownBad = roundedAtRandom(random, verifier.assigned * setting.knownBadShare)
  const audits = BigInt(verifier.assigned + knownBad)
  verifier.assigned = 0
  if (audits === 0n) return
  if (verifier.strategy.scores !== 'none')
    books.move(verifier.wallet, 'world', audits * setting.auditCostMsat)
  const netMsat = audits * setting.auditFeeMsat
  earn(books, verifier, { payer: 'operator', netMsat, feeMsat: 0n, now })
  release(books, verifier, market.rules.holdback, now)
  auditVerifier(market, verifier, knownBad)
}
