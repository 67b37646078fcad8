import { readFileSync } from 'node:fs'
import { splitLightningAddress } from '@infernet/schemas/lightning-address'
import { payoutWishesSchema, type PayoutWishes } from '@infernet/schemas/wire'
import type { LndAddress } from '@infernet/settlement/lightning/lnd/lnd-connection'
import { errorMessage } from '../error-message.ts'

/** What the owner said about the earnings. */
export interface PayoutPlan {
  readonly payout: PayoutWishes
  /** The owner's own node, for a payout by invoices. */
  readonly lnd?: LndAddress
}

/** As they come from the command line. */
export interface PayoutFlags {
  readonly payout?: string
  readonly payoutWhen?: string
  readonly payoutThresholdSat?: number
  readonly lnd?: string
  readonly lndCert?: string
  readonly lndMacaroon?: string
}

export class PayoutFlagError extends Error {
  override readonly name = 'PayoutFlagError'
  readonly code = 'bad_payout_flag'
}

const KEYSEND = /^keysend:(.*)$/
const HOST_AND_PORT = /^[^\s/:@]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/i
/** LND's own have a few hundred bytes; this keeps a wrong file out of every call's metadata. */
const MAX_MACAROON_BYTES = 8192

/**
 * Reads where the earnings go, and the files of the owner's node. Undefined when nothing is said. Throws
 * {@link PayoutFlagError} that names the flag and what it takes.
 */
export function readPayoutFlags(flags: PayoutFlags): PayoutPlan | undefined {
  const { payout: where, payoutWhen, payoutThresholdSat } = flags
  const ofNode = flags.lnd ?? flags.lndCert ?? flags.lndMacaroon
  if (where !== 'lnd' && ofNode !== undefined)
    throw new PayoutFlagError('--lnd, --lnd-cert and --lnd-macaroon go with --payout lnd')
  if (where === undefined) {
    if ((payoutWhen ?? payoutThresholdSat) === undefined) return undefined
    throw new PayoutFlagError('say where the earnings go, with --payout')
  }
  const when = payoutWhen ?? (payoutThresholdSat === undefined ? undefined : 'threshold')
  const read = payoutWishesSchema.safeParse({
    to: destinationOf(where),
    ...(when === undefined ? {} : { when }),
    ...(payoutThresholdSat === undefined ? {} : { threshold_sat: payoutThresholdSat }),
  })
  if (!read.success) throw new PayoutFlagError(faultOf(read.error.issues[0]?.path ?? []))
  return { payout: read.data, ...(where === 'lnd' ? { lnd: nodeOf(flags) } : {}) }
}

function destinationOf(where: string): PayoutWishes['to'] {
  if (where === 'lnd') return { kind: 'invoice' }
  const text = where.trim().toLowerCase()
  const [, pubkey] = KEYSEND.exec(text) ?? []
  if (pubkey !== undefined) return { kind: 'keysend', pubkey }
  if (splitLightningAddress(text) !== undefined) return { kind: 'lightning_address', address: text }
  throw new PayoutFlagError(
    '--payout takes a Lightning address (user@domain), keysend:PUBKEY of a node, or lnd',
  )
}

function faultOf([field, part]: readonly PropertyKey[]): string {
  if (part === 'pubkey') return '--payout keysend:PUBKEY takes the 66 hex digits of a node’s key'
  if (field === 'when') return '--payout-when takes at_once or threshold'
  return '--payout-threshold-sat goes with --payout-when threshold'
}

function nodeOf({ lnd, lndCert, lndMacaroon }: PayoutFlags): LndAddress {
  if (lnd === undefined || lndCert === undefined || lndMacaroon === undefined)
    throw new PayoutFlagError('--payout lnd needs --lnd HOST:PORT, --lnd-cert and --lnd-macaroon')
  if (!HOST_AND_PORT.test(lnd)) throw new PayoutFlagError('--lnd takes HOST:PORT of LND’s gRPC')
  const certificate = fileOf('--lnd-cert', lndCert).toString('utf8')
  if (!certificate.includes('BEGIN CERTIFICATE'))
    throw new PayoutFlagError(`--lnd-cert: ${lndCert} is not a PEM certificate, such as tls.cert`)
  const macaroon = fileOf('--lnd-macaroon', lndMacaroon)
  if (macaroon.length === 0 || macaroon.length > MAX_MACAROON_BYTES)
    throw new PayoutFlagError(`--lnd-macaroon: ${lndMacaroon} is not a macaroon file`)
  return { socket: lnd, certificate, macaroon: macaroon.toString('hex') }
}

function fileOf(flag: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const reason = errorMessage(cause)
    throw new PayoutFlagError(`${flag}: ${reason}`, { cause })
  }
}

/** Where the earnings go, for the owner to read. */
export function payoutText({ to }: PayoutWishes): string {
  if (to.kind === 'lightning_address') return to.address
  if (to.kind === 'keysend') return `node ${to.pubkey}, by keysend`
  return 'your own node, by invoices'
}

/** When they go, in the same words. */
export function payoutTimeText({ to, when, threshold_sat }: PayoutWishes): string {
  if (when === undefined) return 'when the edge pays out'
  // Each payout asks the wallet's server for an invoice.
  if (when === 'at_once' && to.kind === 'lightning_address')
    return 'as soon as the edge pays to an address'
  if (when === 'at_once') return 'at once'
  return threshold_sat === undefined
    ? 'from the edge’s threshold on'
    : `from ${threshold_sat} sat on`
}
