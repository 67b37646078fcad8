import type { Hardware } from '@infernet/schemas/hardware'
import type { JobId, LeaseId } from '@infernet/schemas/ids'
import type { ModelSpec } from '@infernet/schemas/model-spec'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { ReceiptStatement, SignedReceipt } from '@infernet/schemas/receipt'
import type { Claim } from '@infernet/schemas/transcript'
import type { Endpoint, ModelOffer } from '@infernet/schemas/wire'
import type { DeliveredAnswer } from '@infernet/verification/verdict/judge'
import type { Verification } from '../ports.ts'
import type { Audit } from './audit-port.ts'

/** What one provider gave of an answer, when it is over. */
export interface EndedAnswer extends DeliveredAnswer {
  readonly job: JobId
  readonly lease: LeaseId
  readonly provider: PeerId
  /** That it came over, by identity. */
  readonly connection: object
  readonly endpoint: Endpoint
  readonly offer: ModelOffer
  /** Its body asks for the rest of an answer that another had begun. */
  readonly continues: boolean
  readonly verification: Verification | undefined
  /** Its client lets anybody verify it, and does not want it with those only that keep nothing. */
  readonly isOpen: boolean
  /** What the client got, where it is still known; asked for once, when the answer is selected. */
  readonly deliveredText: () => string | undefined
  /** Its provider's machine, as far as that tells. */
  readonly hardware: Hardware | undefined
}

/** An answer that was selected. */
export interface SelectedAnswer {
  /** Never rejects. */
  readonly verdict: Promise<Audit>
}

/** An answer whose provider has promised something. */
export interface Drawn {
  readonly answer: EndedAnswer
  readonly modelSpec: ModelSpec
  readonly spec: string
  readonly rate: number
}

/** What a provider has signed of an answer, with what that commits it to. */
export interface Signed {
  readonly statement: ReceiptStatement & { readonly claim: Claim }
  readonly receipt: SignedReceipt
}

/** An answer that was selected and is not judged yet. */
export interface AuditCase extends Drawn {
  readonly resolve: (audit: Audit) => void
  /** Once its receipt is here. */
  signed?: Signed
  /** When its provider was asked, ms since the epoch. */
  askedAt?: number
  /** It was opened in time; what a verifier says of it may take longer. */
  isOpened?: boolean
}
