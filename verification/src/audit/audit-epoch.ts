import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import { madeAt, type JobId } from '@infernet/schemas/ids'

/**
 * Which jobs are audited is decided by a key that nobody outside knows while it matters, and that everybody
 * can check afterwards: SHA-256(key) is published when its epoch begins, the key itself when it is over.
 *
 * A job's epoch is that of the time in its id. What this proves is that the selection was not changed
 * after the answer was seen, and needs the rate that was written down for the job; it does not prove that
 * the operator, who makes the ids, has not looked for ids that are selected.
 */

/** 6 h: a provider can check within a day, and a key that leaks tells about a quarter of a day at most. */
export const AUDIT_EPOCH_MS = 6 * 3_600_000
/**
 * From the end of an epoch until its key is published. A job that began just before the end may run for ten
 * minutes and its receipt be late: whoever knew the key before signing could cheat where nobody looks.
 */
export const KEY_REVEAL_DELAY_MS = 3_600_000
/** As many bytes as the hash has: less would be guessed sooner than a key. */
export const MIN_AUDIT_SECRET_BYTES = 32

const DOMAIN = 'infernet/audit-epoch/1'
const DRAW_BITS = 64

/** The number of the epoch in which `now` (Unix ms) lies. */
export const epochOf = (now: number): number => Math.floor(now / AUDIT_EPOCH_MS)

/** The epoch whose key decides about a job. */
export const epochOfJob = (job: JobId): number => epochOf(madeAt(job))

/** From when on (Unix ms) an epoch's key may be published. */
export const revealAt = (epoch: number): number =>
  (epoch + 1) * AUDIT_EPOCH_MS + KEY_REVEAL_DELAY_MS

/**
 * The 32-byte key of an epoch: derived, so that a crash loses none. Throws RangeError for a secret that is
 * too short or an epoch that is no number of one.
 */
export function epochKey(secret: Uint8Array, epoch: number): Uint8Array {
  if (secret.length < MIN_AUDIT_SECRET_BYTES)
    throw new RangeError(`an audit secret has at least ${MIN_AUDIT_SECRET_BYTES} bytes`)
  if (!Number.isSafeInteger(epoch) || epoch < 0) throw new RangeError(`${epoch} is no epoch`)
  const number = new Uint8Array(8)
  new DataView(number.buffer).setBigUint64(0, BigInt(epoch))
  return createHmac('sha256', secret).update(DOMAIN).update(number).digest()
}

/** SHA-256 of an epoch's key: what is published when the epoch begins. */
export const keyCommitment = (key: Uint8Array): Uint8Array => hash('sha256', key, 'buffer')

/** Whether a published key is the one that was committed to. For third parties. */
export function isCommittedKey(key: Uint8Array, commitment: Uint8Array): boolean {
  const expected = keyCommitment(key)
  return commitment.length === expected.length && timingSafeEqual(commitment, expected)
}

/**
 * Whether a job is audited at `rate`: HMAC-SHA256(key, job id), its first 8 bytes as a number, is below
 * rate · 2^64. All are at 1, none at 0. Throws RangeError for a rate outside.
 */
export function isSelected(key: Uint8Array, job: JobId, rate: number): boolean {
  if (!(rate >= 0 && rate <= 1)) throw new RangeError(`${rate} is no rate`)
  const draw = createHmac('sha256', key).update(job).digest().readBigUInt64BE(0)
  return draw < threshold(rate)
}

/**
 * Scaling by a power of two is exact, and a whole number is below x when it is below x rounded up, so that
 * everybody who checks has the same bound.
 */
const threshold = (rate: number): bigint => BigInt(Math.ceil(rate * 2 ** DRAW_BITS))
