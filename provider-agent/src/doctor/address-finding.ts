import type { Bolt11Network } from '@infernet/settlement/bolt11/invoice'
import { NETWORK_PREFIX } from '@infernet/settlement/bolt11/invoice'
import type { GuardedFetchPorts } from '@infernet/settlement/lnurl/guarded-fetch'
import { LnurlError } from '@infernet/settlement/lnurl/lnurl-error'
import { askTerms, type PayTerms } from '@infernet/settlement/lnurl/pay-terms'
import { requestInvoice } from '@infernet/settlement/lnurl/request-invoice'
import { failed, ok, warning, type Finding } from './check.ts'

const MSAT = 1000
/** What edges pay from, unless their operators say otherwise. */
const DEFAULT_THRESHOLD_SAT = 1000
/** Services answer in well under a second. */
const LOOK_UP_MS = 10_000
/** Perhaps this machine's network, and not the wallet's fault. */
const UNSURE: ReadonlySet<string> = new Set(['timeout', 'unreachable'])

export interface AddressAsk {
  readonly address: string
  /** What the owner wants to be paid from. */
  readonly thresholdSat: number | undefined
  /** What the edge pays on; undefined where it does not say. */
  readonly network: string | undefined
  /** ms since the epoch. */
  readonly now: number
  readonly ports: GuardedFetchPorts
  readonly signal: AbortSignal
}

/**
 * Asks a Lightning address as whoever pays it does: what it takes, and for an invoice of a payout's amount on the
 * edge's network, which nobody pays.
 */
export async function addressFinding(ask: AddressAsk): Promise<Finding> {
  const { address, network, ports } = ask
  try {
    const signal = AbortSignal.any([ask.signal, AbortSignal.timeout(LOOK_UP_MS)])
    const terms = await askTerms(address, ports, signal)
    const leastSat = ask.thresholdSat ?? DEFAULT_THRESHOLD_SAT
    const bounds = boundsFinding(address, terms, leastSat)
    if (bounds?.outcome === 'failed') return bounds
    const range = `${address} takes from ${sat(terms.minSendable)} to ${sat(terms.maxSendable)} sat`
    if (network === undefined || !isNetwork(network))
      return bounds ?? ok(`${range}; the edge did not say on which network it pays`)
    const amountMsat = BigInt(Math.max(leastSat * MSAT, terms.minSendable))
    const now = Math.floor(ask.now / 1000)
    await requestInvoice({ destination: address, amountMsat, network, now, signal }, ports)
    return bounds ?? ok(`${range}, and gave an invoice on ${network}`)
  } catch (error) {
    if (!(error instanceof LnurlError)) throw error
    const said = `${address}: ${error.message}`
    return UNSURE.has(error.code)
      ? warning(said, 'is it written right? a wallet that cannot be reached cannot be paid')
      : failed(said, fixFor(error, network))
  }
}

/** A payout is all that there is, from the threshold on. */
function boundsFinding(
  address: string,
  { minSendable, maxSendable }: PayTerms,
  leastSat: number,
): Finding | undefined {
  const least = leastSat * MSAT
  if (maxSendable < least)
    return failed(
      `${address} takes ${sat(maxSendable)} sat at most, and payouts are of ${leastSat} or more`,
      'name an address that takes more: --payout user@domain',
    )
  if (minSendable <= least) return undefined
  const wanted = Math.ceil(minSendable / MSAT)
  return warning(
    `${address} takes from ${sat(minSendable)} sat on, and payouts from ${leastSat} sat on would fail`,
    `add --payout-when threshold --payout-threshold-sat ${wanted}`,
  )
}

function fixFor({ code }: LnurlError, network: string | undefined): string {
  switch (code) {
    case 'network':
      return `this edge pays on ${network ?? 'another network'}: name an address of a wallet there`
    case 'expired':
      return 'is the clock of this machine right? if so, name an address of another wallet: --payout user@domain'
    case 'invoice':
    case 'amount_out_of_range':
      return 'no edge can pay such a wallet: tell who runs it, or name another: --payout user@domain'
    default:
      return 'ask the wallet for its Lightning address: --payout user@domain'
  }
}

const isNetwork = (name: string): name is Bolt11Network => Object.hasOwn(NETWORK_PREFIX, name)

const sat = (msat: number): string => String(msat / MSAT)
