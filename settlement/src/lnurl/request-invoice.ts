import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { Bolt11Error } from '../bolt11/bolt11-error.ts'
import { decodeInvoice } from '../bolt11/decode-invoice.ts'
import type { Bolt11Network, DecodedInvoice } from '../bolt11/invoice.ts'
import { guardedFetch, type GuardedFetchPorts } from './guarded-fetch.ts'
import { LnurlError, type LnurlErrorCode } from './lnurl-error.ts'
import { askTerms, readAnswer } from './pay-terms.ts'

/** For both requests together; services answer in well under a second. */
const LNURL_TIMEOUT_MS = 15_000
const payResponse = z.object({ pr: z.string() })

export interface LnurlInvoice {
  readonly bolt11: string
  readonly invoice: DecodedInvoice
}

export interface LnurlRequest {
  /** `user@host` or `lnurl1…`. */
  readonly destination: string
  readonly amountMsat: bigint
  /** The invoice must be for this one. */
  readonly network: Bolt11Network
  /** Unix seconds. */
  readonly now: number
  readonly signal: AbortSignal
}

/**
 * LUD-06 and LUD-16: asks a Lightning address or LNURL for an invoice of exactly `amountMsat` and checks
 * that it is: its amount, network, life, and that it commits to the metadata the service showed.
 * Stores and pays nothing. Throws {@link LnurlError}.
 */
export async function requestInvoice(
  request: LnurlRequest,
  ports: GuardedFetchPorts,
): Promise<LnurlInvoice> {
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(LNURL_TIMEOUT_MS)])
  const terms = await askTerms(request.destination, ports, signal)
  if (
    request.amountMsat < BigInt(terms.minSendable) ||
    request.amountMsat > BigInt(terms.maxSendable)
  )
    throw new LnurlError(
      'amount_out_of_range',
      `It takes from ${terms.minSendable} to ${terms.maxSendable} msat, not ${request.amountMsat}`,
    )
  const callback = new URL(terms.callback)
  callback.searchParams.set('amount', String(request.amountMsat))
  const { pr } = readAnswer(payResponse, await guardedFetch(callback, ports, signal))
  return { bolt11: pr, invoice: checkedInvoice(pr, terms.metadata, request) }
}

function checkedInvoice(bolt11: string, metadata: string, request: LnurlRequest): DecodedInvoice {
  const invoice = decoded(bolt11)
  const committed = bytesToHex(sha256(utf8ToBytes(metadata)))
  const { network, amountMsat, description, expiresAt } = invoice
  const faults: readonly (readonly [boolean, LnurlErrorCode, string])[] = [
    [network !== request.network, 'network', `is for ${network}`],
    [amountMsat !== request.amountMsat, 'invoice', `is for ${amountMsat ?? 'any'} msat`],
    [
      description.kind !== 'hash' || description.sha256 !== committed,
      'invoice',
      'does not commit to the metadata',
    ],
    [expiresAt <= request.now, 'expired', 'has expired'],
  ]
  const fault = faults.find(([wrong]) => wrong)
  if (fault !== undefined) throw new LnurlError(fault[1], `Its invoice ${fault[2]}`)
  return invoice
}

function decoded(bolt11: string): DecodedInvoice {
  try {
    return decodeInvoice(bolt11)
  } catch (cause) {
    if (!(cause instanceof Bolt11Error)) throw cause
    throw new LnurlError('invoice', `Its invoice is not valid: ${cause.message}`, { cause })
  }
}
