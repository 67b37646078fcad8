import { auditRate } from '../audit/audit-rate.ts'
import { verdictOf } from '../evidence/verdict.ts'
import { nextWealth, STARTING_WEALTH } from '../evidence/wealth.ts'
import { nextConduct } from '../reputation/conduct.ts'
import { CONFIRMED_FAIL_WEIGHT, count } from '../reputation/decayed-counts.ts'
import { POWERS } from '../reputation/standing.ts'
import { trustedUntil } from '../reputation/trusted-until.ts'
import { cheatedLogE, honestLogE } from './detection.ts'
import { bondMsat, heldMsat, isSuspect, punish, type Identity } from './identity.ts'
import type { Market, Provider, Verifier } from './market-state.ts'
import { skipped } from './random.ts'

/** What the operator assumes of cheats when it sets the rate: the worst, and not found out at once. */
const ASSUMED_SAVING = 0.9
const ASSUMED_JOBS_TO_DETECT = 3
/** ln e of having passed a transcript that is known to be bad: no honest verifier ever does. */
const PASSED_KNOWN_BAD = Math.log(1e6)

/**
 * Audits an hour's jobs of one provider. The rate is what it was when the hour began, and what is found out
 * stops nothing of that hour: audits are behind by as much.
 */
export function auditJobs(
  market: Market,
  provider: Provider,
  work: { readonly jobs: number; readonly cheated: number },
): void {
  const { random } = market
  const rate = rateOf(market, provider)
  let next = skipped(random, rate)
  while (next < work.jobs && provider.conduct.standing !== 'accused') {
    const isCheated = random() < work.cheated / work.jobs
    const verifier = assign(market)
    look(market, provider, { logE: verdict(market, provider, verifier, isCheated), isCheated })
    next += 1 + skipped(random, rate)
  }
  judge(market, provider, 'clients')
}

/** Judges a verifier by what it said of `knownBad` transcripts, which it could not tell from others. */
export function auditVerifier(market: Market, verifier: Verifier, knownBad: number): void {
  if (verifier.strategy.scores !== 'none') verifier.consecutiveValid += knownBad
  else if (knownBad > 0) look(market, verifier, { logE: PASSED_KNOWN_BAD, isCheated: true })
  judge(market, verifier, 'operator')
}

function rateOf({ books, rules, setting }: Market, provider: Provider): number {
  const situation = {
    consecutiveValid: provider.consecutiveValid,
    securedMsat: bondMsat(books, provider) + heldMsat(books, provider),
    gainPerJobMsat: BigInt(Math.round(Number(setting.costMsat) * ASSUMED_SAVING)),
    jobsToDetect: ASSUMED_JOBS_TO_DETECT,
    isSuspect: isSuspect(provider),
  }
  return auditRate(situation, rules.audit)
}

/** Any verifier that may work; undefined: none may, and the operator's engine does it. */
function assign({ random, verifiers }: Market): Verifier | undefined {
  const able = verifiers.filter(({ conduct }) => POWERS[conduct.standing].takesJobs)
  const verifier = able[Math.floor(random() * able.length)]
  if (verifier !== undefined) verifier.assigned++
  return verifier
}

/** ln e that a verifier reports: what it found, or what looks like nothing. */
function verdict(
  { random, setting }: Market,
  provider: Provider,
  verifier: Verifier | undefined,
  isCheated: boolean,
): number {
  const isPartner = verifier?.wallet === provider.wallet
  const scores = verifier?.strategy.scores ?? 'all'
  const isScored = scores === 'all' || (scores !== 'none' && !isPartner)
  return isCheated && isScored
    ? cheatedLogE(random, setting.tokensPerJob, provider.strategy.detection)
    : honestLogE(random)
}

/** Takes one verdict into account. */
function look(
  { now, setting }: Market,
  identity: Identity,
  { logE, isCheated }: { readonly logE: number; readonly isCheated: boolean },
): void {
  const wealth = nextWealth(identity.wealth, logE)
  identity.wealth = wealth
  identity.trustedUntil = trustedUntil(identity.trustedUntil, wealth, now)
  if (isCheated) identity.guiltyAt = now
  identity.conduct = nextConduct(identity.conduct, { type: 'wealth', wealth }, now)
  const evidence = { logE, tokens: setting.tokensPerJob, inconclusive: 0, mismatches: 0 }
  if (verdictOf(evidence) !== 'pass') return
  identity.consecutiveValid++
  identity.integrity = count(identity.integrity, now, { good: 1 })
}

/** The operator's engine decides about the accused; it is taken to be right. */
function judge({ books, now }: Market, identity: Identity, payer: string): void {
  if (identity.conduct.standing !== 'accused') return
  if (identity.guiltyAt !== undefined && identity.guiltyAt >= identity.trustedUntil) {
    const evidence = `${identity.id} at ${now}`
    identity.conduct = nextConduct(identity.conduct, { type: 'confirmed', evidence }, now)
    punish(books, identity, payer)
    identity.integrity = count(identity.integrity, now, { bad: CONFIRMED_FAIL_WEIGHT })
    identity.consecutiveValid = 0
  } else identity.conduct = nextConduct(identity.conduct, { type: 'refuted' }, now)
  identity.wealth = STARTING_WEALTH
  identity.trustedUntil = now
  identity.guiltyAt = undefined
}
