import { createHmac } from 'node:crypto'
import type { DeliverySigner } from '@infernet/schemas/delivery-statement'
import type { JobId, LeaseId } from '@infernet/schemas/ids'
import {
  epochKey,
  epochOfJob,
  isSelected,
  keyCommitment,
  revealAt,
} from '@infernet/verification/audit/audit-epoch'
import { gatewaySeed } from '@infernet/verification/audit/gateway-seed'
import { edgeKey } from '../auth/edge-key.ts'

/** 32 bytes in hex. */
const SECRET = /^[0-9a-f]{64}$/i
const SEED_LABEL = 'infernet/gateway-seed/1'
const DRAW_LABEL = 'infernet/draws/1'
const DRAW_BYTES = 6

export class AuditSecretError extends Error {
  override readonly name = 'AuditSecretError'
  readonly code = 'bad_audit_secret'
}

/** The secret as an operator writes it: 64 hex digits. Throws {@link AuditSecretError}. */
export function parseAuditSecret(text: string): Uint8Array<ArrayBuffer> {
  if (!SECRET.test(text.trim())) throw new AuditSecretError('an audit secret is 64 hex digits')
  return new Uint8Array(Buffer.from(text.trim(), 'hex'))
}

/**
 * What an edge draws from its audit secret, so that nothing of it has to be kept: the seeds that answers
 * are sampled with, which of them are looked at, and the key that signs what was delivered. All edges of an
 * operator have the same.
 */
export class AuditKeys {
  readonly #secret: Uint8Array<ArrayBuffer>
  readonly #seedKey: Uint8Array
  readonly #drawKey: Uint8Array
  #signer: DeliverySigner | undefined
  /** The one that was needed last: of running jobs, all have the same. */
  #epoch: { readonly number: number; readonly key: Uint8Array } | undefined

  /** `secret` has 32 bytes. */
  constructor(secret: Uint8Array<ArrayBuffer>) {
    this.#secret = secret
    this.#seedKey = createHmac('sha256', secret).update(SEED_LABEL).digest()
    this.#drawKey = createHmac('sha256', secret).update(DRAW_LABEL).digest()
  }

  /** SHA-256, hex, of the key that decides about an epoch. */
  commitmentOf(epoch: number): string {
    return hex(keyCommitment(this.#keyOf(epoch)))
  }

  /** The key, hex, once it cannot do harm any more: undefined before, at `now` (ms since the epoch). */
  revealed(epoch: number, now: number): string | undefined {
    return now < revealAt(epoch) ? undefined : hex(this.#keyOf(epoch))
  }

  /** Whether an answer is one of those to be looked at, of which there are `rate` (0 to 1). */
  selects(job: JobId, rate: number): boolean {
    return isSelected(this.#keyOf(epochOfJob(job)), job, rate)
  }

  /** What a lease's tokens are drawn with unless its client says: nobody can foresee it. */
  seedOf(lease: LeaseId): number {
    return gatewaySeed(this.#seedKey, lease)
  }

  /** Signs what this edge has delivered; its public key is at `GET /v1/edge-key`. */
  async signer(): Promise<DeliverySigner> {
    return (this.#signer ??= await edgeKey(this.#secret))
  }

  /** A number in [0, 1) for what is drawn besides: always the same one for a name, and never published. */
  draw(name: string): number {
    const digest = createHmac('sha256', this.#drawKey).update(name).digest()
    return digest.readUIntBE(0, DRAW_BYTES) / 2 ** (8 * DRAW_BYTES)
  }

  #keyOf(epoch: number): Uint8Array {
    if (this.#epoch?.number !== epoch) {
      this.#epoch = { number: epoch, key: epochKey(this.#secret, epoch) }
    }
    return this.#epoch.key
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
