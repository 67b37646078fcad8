import { secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { bech32 } from '@scure/base'
import { parseAmount } from './amount.ts'
import { Bolt11Error } from './bolt11-error.ts'
import { assertPayable, wordsToFeatures } from './features.ts'
import {
  DEFAULT_EXPIRY_SECONDS,
  DEFAULT_MIN_FINAL_CLTV,
  MAX_CLTV,
  MAX_EXPIRY_SECONDS,
  MAX_INVOICE_LENGTH,
  NETWORK_PREFIX,
  SIGNATURE_WORDS,
  TIMESTAMP_WORDS,
  type Bolt11Network,
  type DecodedInvoice,
  type InvoiceDescription,
} from './invoice.ts'
import { signingHash } from './signing-hash.ts'
import { anyField, boundedInteger, bytes32, bytes33, splitFields, TAG } from './tagged-fields.ts'
import type { TaggedField } from './tagged-fields.ts'
import { wordsToBytes, wordsToInteger, type Words } from './words.ts'

const NETWORKS = new Map(
  Object.entries(NETWORK_PREFIX).map(([network, prefix]) => [prefix as string, network]),
) as ReadonlyMap<string, Bolt11Network>
const HUMAN_READABLE = /^ln(bcrt|bc|tbs|tb|sb)([0-9].*)?$/
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * BOLT 11: reads an invoice and checks everything that a payer must, its signature included, but not
 * whether it is still valid or ours to pay. Throws {@link Bolt11Error} and nothing else.
 */
export function decodeInvoice(text: string): DecodedInvoice {
  const { prefix, words } = splitBech32(text)
  const [, networkPrefix = '', amount] = HUMAN_READABLE.exec(prefix) ?? []
  const network = NETWORKS.get(networkPrefix)
  if (network === undefined) throw new Bolt11Error('prefix', 'It is for no network known here')
  if (words.length < TIMESTAMP_WORDS + SIGNATURE_WORDS)
    throw new Bolt11Error('field', 'It is too short for an invoice')

  const data = words.slice(0, -SIGNATURE_WORDS)
  const fields = splitFields(data.slice(TIMESTAMP_WORDS))
  const features = wordsToFeatures(anyField(fields, TAG.features) ?? [])
  assertPayable(features)
  const timestamp = wordsToInteger(data.slice(0, TIMESTAMP_WORDS))
  const expirySeconds =
    boundedInteger(fields, TAG.expiry, MAX_EXPIRY_SECONDS) ?? DEFAULT_EXPIRY_SECONDS
  const metadata = anyField(fields, TAG.metadata)
  return {
    network,
    amountMsat: amount === undefined ? undefined : parseAmount(amount),
    timestamp,
    expirySeconds,
    expiresAt: timestamp + expirySeconds,
    paymentHash: required(fields, TAG.paymentHash, 'payment hash'),
    paymentSecret: required(fields, TAG.paymentSecret, 'payment secret'),
    description: descriptionOf(fields),
    minFinalCltv: boundedInteger(fields, TAG.minFinalCltv, MAX_CLTV) ?? DEFAULT_MIN_FINAL_CLTV,
    features,
    metadata: metadata && bytesToHex(wordsToBytes(metadata)),
    payee: payeeOf(prefix, data, words.slice(-SIGNATURE_WORDS), bytes33(fields, TAG.payee)),
  }
}

function splitBech32(text: string): { prefix: string; words: Words } {
  if (text.length > MAX_INVOICE_LENGTH)
    throw new Bolt11Error('too_long', `It has more than ${MAX_INVOICE_LENGTH} characters`)
  try {
    return bech32.decode(text as `${string}1${string}`, false)
  } catch (cause) {
    throw new Bolt11Error('bech32', 'It is not bech32, or its checksum is wrong', { cause })
  }
}

function required(fields: readonly TaggedField[], tag: number, name: string): string {
  const bytes = bytes32(fields, tag)
  if (bytes === undefined) throw new Bolt11Error('field', `It has no ${name}`)
  return bytesToHex(bytes)
}

function descriptionOf(fields: readonly TaggedField[]): InvoiceDescription {
  const words = anyField(fields, TAG.description)
  const hash = bytes32(fields, TAG.descriptionHash)
  if ((words === undefined) === (hash === undefined))
    throw new Bolt11Error('field', 'It must have either a description or the hash of one')
  if (hash !== undefined) return { kind: 'hash', sha256: bytesToHex(hash) }
  try {
    return { kind: 'text', text: utf8.decode(wordsToBytes(words ?? [])) }
  } catch (cause) {
    throw new Bolt11Error('field', 'Its description is not UTF-8', { cause })
  }
}

/** The key that signed: the one in the `n` field if there is one (then low-S only), else recovered. */
function payeeOf(
  prefix: string,
  data: Words,
  signatureWords: Words,
  claimed: Uint8Array | undefined,
): string {
  const bytes = wordsToBytes(signatureWords)
  const compact = bytes.subarray(0, 64)
  const hash = signingHash(prefix, data)
  try {
    if (claimed === undefined) {
      const recoverable = Uint8Array.from([bytes[64] ?? 0, ...compact])
      const point = secp256k1.Signature.fromBytes(recoverable, 'recovered').recoverPublicKey(hash)
      return point.toHex(true)
    }
    if (secp256k1.verify(compact, hash, claimed, { prehash: false, lowS: true }))
      return bytesToHex(claimed)
  } catch (cause) {
    throw new Bolt11Error('signature', 'Its signature is not valid', { cause })
  }
  throw new Bolt11Error('signature', 'It was not signed by the payee it names')
}
