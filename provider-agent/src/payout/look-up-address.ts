import { httpsPorts } from '@infernet/settlement/lnurl/https-ports'
import type { GuardedFetchPorts } from '@infernet/settlement/lnurl/guarded-fetch'
import { LnurlError } from '@infernet/settlement/lnurl/lnurl-error'
import { askTerms } from '@infernet/settlement/lnurl/pay-terms'

/** Services answer in well under a second. */
const LOOK_UP_MS = 10_000

/**
 * Asks a Lightning address what it takes, as whoever pays it does: over public https. Resolves with what
 * is wrong with it, in words; undefined where it can be paid.
 */
export async function addressFault(
  address: string,
  signal: AbortSignal,
  ports: GuardedFetchPorts = httpsPorts,
): Promise<string | undefined> {
  try {
    const until = AbortSignal.any([signal, AbortSignal.timeout(LOOK_UP_MS)])
    await askTerms(address, ports, until)
    return undefined
  } catch (error) {
    if (!(error instanceof LnurlError)) throw error
    return `${address}: ${error.message}`
  }
}
