import { hash } from 'node:crypto'
import { z } from 'zod'
import { gpuSchema, hardwareSchema } from './hardware.ts'
import { MAX_ANNOUNCED_GPUS, MAX_CAPABILITY_BYTES, MAX_CLOCK_SKEW_MS } from './limits.ts'
import { isPeerId, type PeerId } from './peer-id.ts'
import { isSignedBy } from './peer-signature.ts'
import { fromBase64Url, toBase64Url } from './receipt.ts'
import { encodeUtf8 } from './utf8.ts'
import {
  capabilitySchema,
  decodeControl,
  encodeControl,
  payoutSchema,
  WireError,
  type Announcement,
  type Capability,
  type SignedCapability,
} from './wire.ts'

/**
 * A provider's capability record as it signs it: anybody who is shown one can check who has said this, and when,
 * without believing the edge. What nobody is to know, where its money goes and what tells its cards from others,
 * travels beside it; of that the record has the hash alone, salted, so that it cannot be guessed.
 */
const DOMAIN = encodeUtf8('infernet/capability/1\0')

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
/** A record with this in it would be shown with it. */
const hiddenField = z.never().optional()

/** What is signed; unlike the whole capability it can be shown. */
export const capabilityRecordSchema = z.object({
  v: z.literal(1),
  peer: z.string().refine(isPeerId, 'not a peer id'),
  /** The agent's clock, ms since the epoch. */
  issued_at: z.int().nonnegative(),
  capability: capabilitySchema.extend({
    payout: hiddenField,
    hardware: hardwareSchema
      .extend({
        gpus: z.array(gpuSchema.extend({ id_sha256: hiddenField })).max(MAX_ANNOUNCED_GPUS),
      })
      .optional(),
  }),
  /** SHA-256, hex, of the bytes of what is hidden. */
  hidden_sha256: sha256,
})
export type CapabilityRecord = z.infer<typeof capabilityRecordSchema>

const hiddenSchema = z.object({
  /** 32 random bytes. */
  salt: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  /** The `id_sha256` of each of the record's GPUs, in its order; null where there is none. */
  cards: z.array(sha256.nullable()).max(MAX_ANNOUNCED_GPUS),
  payout: payoutSchema.optional(),
})

export type CapabilityFault =
  | 'signature'
  | 'malformed'
  | 'peer'
  | 'hidden'
  | 'too_large'
  | 'old'
  | 'future'

const MESSAGES: Record<CapabilityFault, string> = {
  signature: 'the capability record is not signed with the key of this login',
  malformed: 'the capability record is none that is known here',
  peer: 'the capability record names another peer than this login',
  hidden: 'what the capability record hides is not what was signed',
  too_large: 'capability record too large',
  old: 'the capability record is older than the one before it',
  future: "the capability record's time has not come: synchronise this machine's clock",
}

/** A capability record that is not believed; the message is for its owner. */
export class CapabilityError extends WireError {
  readonly fault: CapabilityFault
  constructor(fault: CapabilityFault, detail?: string) {
    super(detail === undefined ? MESSAGES[fault] : `${MESSAGES[fault]} (${detail})`)
    this.fault = fault
  }
}

/** The bytes that a provider signs for an encoded record. */
export function capabilityToSign(record: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(DOMAIN.length + record.length)
  bytes.set(DOMAIN)
  bytes.set(record, DOMAIN.length)
  return bytes
}

/** The record signed. `issuedAt` in ms since the epoch; `salt`: 32 random bytes, others for each record. */
export function signCapability(
  signer: { readonly peer: PeerId; readonly sign: (message: Uint8Array) => Uint8Array },
  { payout, hardware, ...capability }: Capability,
  { issuedAt, salt }: { readonly issuedAt: number; readonly salt: Uint8Array },
): SignedCapability {
  const gpus = hardware?.gpus ?? []
  const cards = gpus.map((gpu) => gpu.id_sha256 ?? null)
  const hidden = encodeControl({ salt: toBase64Url(salt), cards, payout })
  const shown = hardware && { ...hardware, gpus: gpus.map(withoutId) }
  const record = encodeControl({
    v: 1,
    peer: signer.peer,
    issued_at: issuedAt,
    capability: { ...capability, ...(shown && { hardware: shown }) },
    hidden_sha256: hash('sha256', hidden),
  } satisfies CapabilityRecord)
  return {
    record: toBase64Url(record),
    signature: toBase64Url(signer.sign(capabilityToSign(record))),
    hidden: toBase64Url(hidden),
  }
}

function withoutId<T extends { id_sha256?: string | undefined }>(gpu: T): Omit<T, 'id_sha256'> {
  const { id_sha256: _, ...shown } = gpu
  return shown
}

/** What `peer` has announced, checked with nothing but its name. Throws {@link CapabilityError}. */
export function readAnnouncement(
  peer: string,
  { record, signature }: Announcement,
): CapabilityRecord {
  const bytes = fromBase64Url(record)
  if (!isSignedBy(peer, fromBase64Url(signature), capabilityToSign(bytes)))
    throw new CapabilityError('signature')
  const said = parsed(capabilityRecordSchema, bytes, 'malformed')
  if (said.peer !== peer) throw new CapabilityError('peer')
  return said
}

/** A capability record that was believed. */
export interface OpenedCapability {
  readonly capability: Capability
  /** The provider's clock, ms since the epoch. */
  readonly issuedAt: number
  /** What of it can be shown. */
  readonly announcement: Announcement
}

/** The whole record, if `peer` has signed it, hidden parts included. Throws {@link CapabilityError}. */
export function openCapability(
  peer: string,
  { hidden: hiddenText, record, signature }: SignedCapability,
): OpenedCapability {
  const announcement = { record, signature }
  const { capability: shown, hidden_sha256, issued_at } = readAnnouncement(peer, announcement)
  const bytes = fromBase64Url(hiddenText)
  if (hash('sha256', bytes) !== hidden_sha256) throw new CapabilityError('hidden')
  const { cards, payout } = parsed(hiddenSchema, bytes, 'hidden')
  const { hardware, ...rest } = shown
  if (cards.length !== (hardware?.gpus.length ?? 0)) throw new CapabilityError('hidden')
  const gpus = (hardware?.gpus ?? []).map((gpu, n) => {
    const id = cards[n]
    return { ...gpu, ...(typeof id === 'string' && { id_sha256: id }) }
  })
  const capability: Capability = {
    ...rest,
    ...(hardware && { hardware: { ...hardware, gpus } }),
    ...(payout && { payout }),
  }
  if (encodeControl(capability).length > MAX_CAPABILITY_BYTES)
    throw new CapabilityError('too_large')
  return { capability, issuedAt: issued_at, announcement }
}

/**
 * Refuses a record that is older than the one before it, if there was one, and one whose time is more than a
 * login's tolerance ahead of `now`. All in ms since the epoch. Throws {@link CapabilityError}.
 */
export function checkIssuedAt(
  issuedAt: number,
  { now, before = 0 }: { readonly now: number; readonly before?: number | undefined },
): void {
  if (issuedAt < before) throw new CapabilityError('old')
  if (issuedAt - now > MAX_CLOCK_SKEW_MS) throw new CapabilityError('future')
}

function parsed<T>(schema: z.ZodType<T>, bytes: Uint8Array, fault: CapabilityFault): T {
  try {
    return decodeControl(schema, bytes)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    throw new CapabilityError(fault, error.message)
  }
}
