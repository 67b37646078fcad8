import { secp256k1 } from '@noble/curves/secp256k1.js'
import { hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { bech32 } from '@scure/base'
import { formatAmount } from './amount.ts'
import { Bolt11Error } from './bolt11-error.ts'
import { assertPayable, DEFAULT_FEATURES, featuresToWords } from './features.ts'
import {
  DEFAULT_EXPIRY_SECONDS,
  DEFAULT_MIN_FINAL_CLTV,
  MAX_CLTV,
  MAX_EXPIRY_SECONDS,
  MAX_INVOICE_LENGTH,
  MAX_TIMESTAMP,
  NETWORK_PREFIX,
  TIMESTAMP_WORDS,
  type Bolt11Invoice,
} from './invoice.ts'
import { signingHash } from './signing-hash.ts'
import { bytesField, integerField, MAX_FIELD_BYTES, TAG, taggedField } from './tagged-fields.ts'
import { bytesToWords, integerToWords } from './words.ts'

type Optional = 'amountMsat' | 'expirySeconds' | 'minFinalCltv' | 'features' | 'metadata'
export type InvoiceDraft = Omit<Bolt11Invoice, Optional> & Partial<Pick<Bolt11Invoice, Optional>>

/** BOLT 11: writes and signs an invoice. Throws {@link Bolt11Error} for what cannot be written. */
export function encodeInvoice(draft: InvoiceDraft, privateKey: Uint8Array): string {
  const amount = draft.amountMsat === undefined ? '' : formatAmount(draft.amountMsat)
  const prefix = `ln${NETWORK_PREFIX[draft.network]}${amount}`
  const words = dataWords(draft)
  const text = bech32.encode(prefix, [...words, ...signature(prefix, words, privateKey)], false)
  if (text.length > MAX_INVOICE_LENGTH)
    throw new Bolt11Error('too_long', `It would have more than ${MAX_INVOICE_LENGTH} characters`)
  return text
}

function dataWords(draft: InvoiceDraft): number[] {
  const features = draft.features ?? DEFAULT_FEATURES
  assertPayable(features)
  const featureWords = featuresToWords(features)
  return [
    ...integerToWords(bounded(draft.timestamp, MAX_TIMESTAMP), TIMESTAMP_WORDS),
    ...bytesField(TAG.paymentHash, hash(draft.paymentHash)),
    ...bytesField(TAG.paymentSecret, hash(draft.paymentSecret)),
    ...descriptionField(draft.description),
    ...(draft.metadata === undefined ? [] : bytesField(TAG.metadata, hex(draft.metadata))),
    ...integerField(
      TAG.expiry,
      bounded(draft.expirySeconds ?? DEFAULT_EXPIRY_SECONDS, MAX_EXPIRY_SECONDS),
    ),
    ...integerField(
      TAG.minFinalCltv,
      bounded(draft.minFinalCltv ?? DEFAULT_MIN_FINAL_CLTV, MAX_CLTV),
    ),
    ...(featureWords.length === 0 ? [] : taggedField(TAG.features, featureWords)),
  ]
}

function descriptionField(description: Bolt11Invoice['description']): number[] {
  if (description.kind === 'hash') return bytesField(TAG.descriptionHash, hash(description.sha256))
  const bytes = utf8ToBytes(description.text)
  if (bytes.length > MAX_FIELD_BYTES)
    throw new Bolt11Error('field', `The description has more than ${MAX_FIELD_BYTES} bytes`)
  if (!description.text.isWellFormed())
    throw new Bolt11Error('field', 'The description is not well-formed text')
  return bytesField(TAG.description, bytes)
}

function signature(prefix: string, words: number[], privateKey: Uint8Array): number[] {
  const signed = secp256k1.sign(signingHash(prefix, words), privateKey, {
    prehash: false,
    format: 'recovered',
  })
  // The library puts the recovery id before R and S, BOLT 11 after them.
  return bytesToWords(Uint8Array.from([...signed.subarray(1), signed[0] ?? 0]))
}

function bounded(value: number, max: number): number {
  if (!Number.isSafeInteger(value) || value < 0 || value > max)
    throw new Bolt11Error('field', `${value} is not an integer from 0 to ${max}`)
  return value
}

function hash(text: string): Uint8Array {
  const bytes = hex(text)
  if (bytes.length !== 32) throw new Bolt11Error('field', 'A hash or secret has 32 bytes')
  return bytes
}

function hex(text: string): Uint8Array {
  try {
    return hexToBytes(text)
  } catch (cause) {
    throw new Bolt11Error('field', 'That is not hexadecimal', { cause })
  }
}
