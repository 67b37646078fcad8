import { encodeOpening, openRequestSchema, type OpenRequest } from '@infernet/schemas/audit-wire'
import {
  CONNECTION_CHANNEL,
  FRAME,
  readU32,
  type Frame,
  type FrameType,
} from '@infernet/schemas/frame'
import {
  cancelSchema,
  decodeControl,
  drainSchema,
  encodeControl,
  invoiceRequestSchema,
  receiptAckSchema,
  WireError,
  type Capability,
  type InvoiceRequest,
} from '@infernet/schemas/wire'
import type { Role } from './capability.ts'
import type { Clock } from './clock.ts'
import type { Engine } from './engines/engine.ts'
import type { EventLog } from './events.ts'
import type { JobOutcome } from './jobs/job.ts'
import { Jobs } from './jobs/jobs.ts'
import type { MemoryBudget } from './jobs/memory-budget.ts'
import { RECEIPT_GRACE_MS } from './limits.ts'
import type { Link } from './link/link.ts'
import { Reports } from './link/reports.ts'
import type { LoadDesk } from './load/load-desk.ts'
import type { PayoutDesk } from './payout/payout-desk.ts'
import type { ReceiptDesk } from './receipts/receipt-desk.ts'
import { VerifierDesk } from './verifier/verifier-desk.ts'

export const NORMAL_CLOSURE = 1000

export interface SessionOptions {
  readonly link: Link
  /** What the edge takes of an answer before it gives credit. */
  readonly windowBytes: number
  readonly role: Role
  readonly engine: Engine
  readonly load: LoadDesk
  readonly memory: MemoryBudget
  readonly payouts: PayoutDesk
  readonly receipts: ReceiptDesk
  readonly events: EventLog
  readonly clock: Clock
  /** Whether the owner lets new jobs in now. */
  readonly isOpen: () => boolean
  readonly capability: () => Capability
  readonly onOutcome: (outcome: JobOutcome) => void
  /** For jobs that run when the edge wants to restart. */
  readonly drainGraceMs: number
}

/** What the agent does for one connection's edge, from its welcome to its end. */
export class Session {
  readonly #options: SessionOptions
  readonly jobs: Jobs
  readonly #verifier: VerifierDesk
  readonly #reports: Reports
  /** Nothing new is taken: the agent stops, or the edge does. */
  #isDraining = false

  constructor(options: SessionOptions) {
    this.#options = options
    const { capability, clock, engine, events, isOpen, link, load, memory, role } = options
    this.jobs = new Jobs({
      engine,
      slots: () => load.slots,
      slotsPerModel: () => load.slotsPerModel,
      isOpen,
      clock,
      memory,
      outlet: link,
      windowBytes: options.windowBytes,
      onOutcome: options.onOutcome,
      onBusy: (reason, model) => events.emit({ event: 'job_busy', reason, model }),
    })
    const write = (type: FrameType, payload: Uint8Array): void => this.#write(type, payload)
    this.#verifier = new VerifierDesk({ role, engine, events, now: clock.monotonic, write })
    this.#reports = new Reports({
      write,
      capability: () => link.signed(capability()),
      load: () => load.report(this.jobs),
    })
    options.receipts.sender.connected(write)
  }

  /** Jobs, and what is looked at for the edge as a verifier. */
  get working(): number {
    return this.jobs.running + this.#verifier.working
  }

  /** Takes a frame. Throws `WireError` and `ChannelTakenError` for what breaks the protocol. */
  frame({ type, channel, payload }: Frame): void {
    switch (type) {
      case FRAME.job:
        return this.jobs.open(channel, payload)
      case FRAME.cancel:
        decodeControl(cancelSchema, payload)
        return this.jobs.cancel(channel)
      case FRAME.credit:
        if (payload.length !== 4) throw new WireError('a credit has 4 bytes')
        return this.jobs.credit(channel, readU32(payload, 0))
      case FRAME.receiptAck:
        return this.#options.receipts.sender.acknowledge(decodeControl(receiptAckSchema, payload))
      case FRAME.openRequest:
        return this.#open(decodeControl(openRequestSchema, payload))
      case FRAME.score:
        return this.#verifier.takeScore(payload)
      case FRAME.render:
        return this.#verifier.takeRender(payload)
      case FRAME.invoiceRequest:
        void this.#giveInvoice(decodeControl(invoiceRequestSchema, payload))
        return
      case FRAME.drain:
        void this.#leave(decodeControl(drainSchema, payload).reason)
    }
  }

  /** Tells the edge what is offered now. */
  capabilityChanged(): void {
    this.#reports.capabilityChanged(this.#options.clock.monotonic())
  }

  /** Looks at deadlines, and tells what is due; call it a few times a second. `now` of the monotonic clock. */
  tick(now: number): void {
    this.jobs.sweep(now)
    this.#options.link.tick(now)
    this.#reports.tick(now)
  }

  /** The agent stops: nothing new is taken, and nothing more looked at. */
  drain(): void {
    this.#isDraining = true
    this.jobs.drain()
    this.#verifier.close()
  }

  /** Tells the edge that the agent stops. */
  sayDrain(): void {
    this.#write(FRAME.drain, encodeControl({ reason: 'the provider is shutting down' }))
  }

  /** The connection is gone. */
  lost(): void {
    this.#verifier.close()
    this.jobs.loseAll()
  }

  /** Shows what a receipt has committed to. */
  #open({ lease }: OpenRequest): void {
    const { events, receipts } = this.#options
    const bytes = receipts.transcripts.open(lease)
    events.emit({ event: 'transcript_opened', lease, found: bytes !== undefined })
    this.#write(FRAME.opening, encodeOpening(lease, bytes))
  }

  /** Beside the jobs, which go on: the node may take its time. */
  async #giveInvoice(request: InvoiceRequest): Promise<void> {
    const answer = await this.#options.payouts.reply(request)
    this.#write(FRAME.invoice, encodeControl(answer))
  }

  /** The edge wants to restart: finish what runs, then hang up, to come back to its successor. */
  async #leave(reason: string): Promise<void> {
    if (this.#isDraining) return
    this.#isDraining = true
    const { drainGraceMs, events, link, receipts } = this.#options
    events.emit({ event: 'edge_drains', reason, running: this.jobs.running })
    this.jobs.drain()
    await this.jobs.idle(drainGraceMs)
    await receipts.sender.settled(RECEIPT_GRACE_MS)
    link.close(NORMAL_CLOSURE, 'drained')
  }

  #write(type: FrameType, payload: Uint8Array): void {
    this.#options.link.write(type, CONNECTION_CHANNEL, payload)
  }
}
