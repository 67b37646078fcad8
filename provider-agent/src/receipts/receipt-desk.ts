import { TranscriptStore } from '../claims/transcript-store.ts'
import type { Clock } from '../clock.ts'
import type { EventLog } from '../events.ts'
import type { Identity } from '../identity.ts'
import type { JobOutcome } from '../jobs/job.ts'
import { MAX_OUTBOX_BATCHES, MAX_TRANSCRIPTS_BYTES, TRANSCRIPT_TTL_MS } from '../limits.ts'
import { Outbox } from './outbox.ts'
import { ReceiptSender } from './receipt-sender.ts'
import { statementOf } from './statement.ts'

export interface ReceiptDeskOptions {
  readonly identity: Identity
  /** Of the engine that answers. */
  readonly engine: string
  /** Folder of the receipt outbox. */
  readonly outboxPath: string
  readonly events: EventLog
  readonly clock: Clock
}

/** What is left of jobs that have ended: receipts to deliver, and what they have committed to. */
export class ReceiptDesk {
  readonly #options: ReceiptDeskOptions
  readonly sender: ReceiptSender
  readonly transcripts: TranscriptStore

  /** Opens the outbox: throws `OutboxError`. */
  constructor(options: ReceiptDeskOptions) {
    this.#options = options
    const { clock, events, identity, outboxPath } = options
    this.transcripts = new TranscriptStore({
      maxBytes: MAX_TRANSCRIPTS_BYTES,
      maxAgeMs: TRANSCRIPT_TTL_MS,
      now: clock.monotonic,
    })
    this.sender = new ReceiptSender({
      identity,
      outbox: new Outbox(outboxPath, MAX_OUTBOX_BATCHES),
      onUnknown: (lease) => events.emit({ event: 'receipt_unknown', lease }),
      onDropped: (batches, reason) => {
        events.emit({ event: 'receipts_dropped', batches, reason })
      },
      onUnstored: (reason) => events.emit({ event: 'receipts_unstored', reason }),
    })
  }

  /** A job has ended: what it has earned goes to the edge, and what that rests on is kept. */
  finished(outcome: JobOutcome): void {
    const { engine, identity } = this.#options
    const { evidence, header } = outcome
    const statement = statementOf(outcome, identity.peer, engine)
    if (statement === undefined) return
    if (evidence !== undefined) this.transcripts.keep(header.lease, evidence.transcript)
    this.sender.add(statement)
  }
}
