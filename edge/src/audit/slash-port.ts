import type { LeaseId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'

/** `due`: it is final, and the settler has to carry it out. `lifted`: an appeal was upheld. */
export type SlashState = 'open' | 'appealed' | 'due' | 'final' | 'lifted'

/** A confirmed offence: what an audit's evidence costs its provider. Times in ms since the epoch. */
export interface StoredSlash {
  /** `slash_` and the first 32 hex digits of the evidence's SHA-256. */
  readonly id: string
  readonly provider: PeerId
  readonly spec: string
  readonly model: string
  /** The answer that convicted it. */
  readonly lease: LeaseId
  readonly state: SlashState
  readonly evidenceSha256: string
  /** Anybody may read the evidence: its question was ours, or its client has agreed. */
  readonly isOpen: boolean
  /** Jobs since then that it was not paid for yet are undone. */
  readonly affectedFrom: number
  readonly openedAt: number
  readonly appealUntil: number
  readonly appealedAt: number | undefined
  /** Why, in the provider's words. */
  readonly appeal: string | undefined
  readonly decidedAt: number | undefined
  /** Given back to clients, and kept by the operator, msat; once it is final. */
  readonly refundedMsat: bigint | undefined
  readonly forfeitedMsat: bigint | undefined
}

export interface SlashStore {
  find(id: string): Promise<StoredSlash | undefined>
  /** The newest first, 50 at most. */
  ofProvider(provider: PeerId): Promise<readonly StoredSlash[]>
  /** The oldest first, 50 at most. */
  inState(state: SlashState): Promise<readonly StoredSlash[]>
  /** The evidence's exact bytes: an `AuditEvidence` of verification as JSON. */
  evidenceOf(id: string): Promise<string | undefined>
  /** False when it cannot be appealed against (any more), or was already. `at` in ms since the epoch. */
  appeal(id: string, appeal: { readonly reason: string; readonly at: number }): Promise<boolean>
  /** The operator's word on an appeal; false when there is none. Upheld, it restores the provider. */
  decide(id: string, decision: 'upheld' | 'denied', at: number): Promise<boolean>
}
