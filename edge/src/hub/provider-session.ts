import {
  decodeOpening,
  decodeRendered,
  decodeScored,
  type Opening,
  type RenderedAnswer,
  type RenderRequest,
  type ScoreRequest,
} from '@infernet/schemas/audit-wire'
import { CLOSE, type CloseCode } from '@infernet/schemas/close-codes'
import {
  CONNECTION_CHANNEL,
  encodeCredit,
  FRAME,
  FrameError,
  readFrames,
  type Frame,
  type FrameType,
} from '@infernet/schemas/frame'
import { gatherMs, type FrameMux } from '@infernet/schemas/frame-mux'
import type { LeaseId } from '@infernet/schemas/ids'
import { MAX_MESSAGE_BYTES } from '@infernet/schemas/limits'
import { payoutFault } from '@infernet/schemas/payout-statement'
import type { PeerId } from '@infernet/schemas/peer-id'
import {
  CapabilityError,
  checkIssuedAt,
  openCapability,
  type OpenedCapability,
} from '@infernet/schemas/signed-capability'
import type { Position } from '@infernet/schemas/transcript'
import {
  decodeControl,
  drainSchema,
  encodeControl,
  encodeJob,
  invoiceSchema,
  loadSchema,
  receiptsSchema,
  signedCapabilitySchema,
  WireError,
  type Announcement,
  type Capability,
  type Load,
  type ModelOffer,
  type ReceiptBatchFrame,
  type SignedCapability,
} from '@infernet/schemas/wire'
import { ScoreAsks } from '../audit/score-asks.ts'
import type { Verifier } from '../audit/verifiers.ts'
import { Attempt } from './attempt.ts'
import type { InvoiceOrder } from '../ports.ts'
import { AttemptError } from './attempt-state.ts'
import { CapabilityPace } from './capability-pace.ts'
import type { HubSocket } from './hub-connections.ts'
import { InvoiceAskError, InvoiceAsks } from './invoice-asks.ts'
import type { JobRun } from './job-run.ts'
import type { JobTask } from './job-task.ts'
import { LeaseChannels } from './lease-channels.ts'
import { jobHeader, leasePrice } from './lease-terms.ts'

/** What a session needs of its hub. */
export interface SessionHost {
  now(): number
  /** What a lease's tokens are drawn with. */
  seedOf(lease: LeaseId): number
  /** Runs `task` once after `delayMs`. */
  later(task: () => void, delayMs: number): void
  /** It has one job more. */
  slotTaken(session: ProviderSession, run: JobRun): void
  /** It has one job less. */
  slotFreed(session: ProviderSession): void
  /** It has told of other slots, a fuller cache or an empty one. */
  loadTold(session: ProviderSession): void
  /** `wasVerifier`: its role before. */
  capabilityChanged(session: ProviderSession, wasVerifier: boolean): void
  receiptsArrived(session: ProviderSession, batch: ReceiptBatchFrame): void
  opened(session: ProviderSession, opening: Opening): void
  /** The provider broke the protocol: close its connection. */
  violated(session: ProviderSession, code: CloseCode, message: string): void
}

/** What a session begins with; from before the hub's last sleep no announcement is left. */
export type SessionCapability = Pick<OpenedCapability, 'capability'> & {
  readonly [name in 'announcement' | 'issuedAt']?: OpenedCapability[name] | undefined
}

/** A provider whose socket has this much unsent gets no more jobs until it has drained. */
const MAX_UNSENT_BYTES = MAX_MESSAGE_BYTES
const NO_LOAD: Load = { running: 0, waiting: 0 }

/** A logged-in provider: its capability and load, and the leases that run on it. */
export class ProviderSession implements Verifier {
  readonly peer: PeerId
  readonly socket: HubSocket
  readonly #mux: FrameMux
  readonly #host: SessionHost
  readonly #channels = new LeaseChannels()
  readonly #invoices: InvoiceAsks
  readonly #scores: ScoreAsks
  readonly #pace = new CapabilityPace()
  #capability: Capability
  #announcement: Announcement | undefined
  #issuedAt: number | undefined
  #offers: ReadonlyMap<string, ModelOffer>
  #draining = false
  #gone = false
  #load: Load = NO_LOAD
  /** ms since the epoch: it said that it can take nothing before. */
  busyUntil = 0

  constructor(options: {
    peer: PeerId
    capability: SessionCapability
    socket: HubSocket
    mux: FrameMux
    host: SessionHost
  }) {
    this.peer = options.peer
    const { announcement, capability, issuedAt } = options.capability
    this.#capability = capability
    this.#announcement = announcement
    this.#issuedAt = issuedAt
    this.#offers = offersOf(capability)
    this.socket = options.socket
    this.#mux = options.mux
    this.#host = options.host
    this.#invoices = new InvoiceAsks({
      send: (request) => this.sendControl(FRAME.invoiceRequest, request),
      later: (task, delayMs) => options.host.later(task, delayMs),
      now: () => options.host.now(),
    })
    this.#scores = new ScoreAsks({
      send: (type, payload) => this.#send(type, CONNECTION_CHANNEL, payload),
      later: (task, delayMs) => options.host.later(task, delayMs),
      now: () => options.host.now(),
    })
  }

  get isVerifier(): boolean {
    return this.#capability.role === 'verifier'
  }

  get scoring(): number {
    return this.#scores.size
  }

  /** Has an answer scored; only verifiers know the frame. Rejects with `ScoreAskError`. */
  score(ask: Omit<ScoreRequest, 'id'>): Promise<readonly Position[]> {
    return this.#scores.score(ask)
  }

  /** Has a request and its answer rendered; only verifiers know the frame. Rejects with `ScoreAskError`. */
  render(ask: Omit<RenderRequest, 'id'>): Promise<RenderedAnswer> {
    return this.#scores.render(ask)
  }

  get capability(): Capability {
    return this.#capability
  }

  /** What of it can be shown, as it was signed; undefined where that came before the hub's last sleep. */
  get announcement(): Announcement | undefined {
    return this.#announcement
  }

  /** When its provider signed it, by that one's clock, ms since the epoch. */
  get issuedAt(): number | undefined {
    return this.#issuedAt
  }

  get draining(): boolean {
    return this.#draining
  }

  get inFlight(): number {
    return this.#channels.size
  }

  /** Jobs it reported running or waiting, whoever they came from. */
  get reported(): number {
    return this.#load.running + this.#load.waiting
  }

  /** Jobs it runs at once now. */
  get slots(): number {
    return this.#load.slots ?? this.#capability.slots
  }

  /** Share of its engine's key-value cache in use, as it says; 0 where it does not. */
  get kvUse(): number {
    return this.#load.kv_use ?? 0
  }

  /** When it lost what it had cached, by its own clock in ms; undefined where it does not say. */
  get cacheSince(): number | undefined {
    return this.#load.cache_since
  }

  /** What it told of its load last; undefined before it did. */
  get load(): Load | undefined {
    return this.#load === NO_LOAD ? undefined : this.#load
  }

  /** Its socket does not drain. */
  get blocked(): boolean {
    return this.socket.bufferedBytes() > MAX_UNSENT_BYTES
  }

  /** The shortest round trip to it, ms, where its host has measured that. */
  get roundTripMs(): number | undefined {
    return this.socket.roundTripMs?.()
  }

  /** The connection is over: nothing is sent any more, and nothing that still comes counts. */
  get gone(): boolean {
    return this.#gone
  }

  /** What it offers under that name now. */
  offerOf(model: string): ModelOffer | undefined {
    return this.#offers.get(model)
  }

  /** Sends the job on the next channel. `run.order.model` must be one of this provider's. */
  offer(run: JobRun, terms: { lease: LeaseId; timeLeftMs: number; task: JobTask }): Attempt {
    const { lease, task, timeLeftMs } = terms
    const price = leasePrice(run.order, this.#offers.get(run.order.model))
    const channel = this.#channels.next()
    const attempt = new Attempt({ session: this, channel, lease, price, run, task })
    this.#channels.add(attempt)
    this.#host.slotTaken(this, run)
    const header = jobHeader(attempt, { seed: this.#host.seedOf(lease), timeLeftMs })
    const payload = encodeJob(header, task.body)
    if (!this.#gone) {
      this.#mux.writeLazily(FRAME.job, channel, payload, gatherMs(this.#channels.size))
    }
    return attempt
  }

  /** A lease is over: its channel is dead and its slot free. */
  release(attempt: Attempt): void {
    attempt.endedAt = this.#host.now()
    this.#channels.release(attempt)
    this.#host.slotFreed(this)
  }

  /**
   * Asks the agent for an invoice of its own node, if it has said that it gives some: others do not know
   * the frame. Rejects with {@link InvoiceAskError}.
   */
  async askInvoice(order: InvoiceOrder): Promise<string> {
    if (this.#capability.payout?.to.kind !== 'invoice')
      throw new InvoiceAskError('refused', 'it wants no money by invoices of its own')
    return this.#invoices.ask(order)
  }

  sendCancel(channel: number, reason: string): void {
    this.#send(FRAME.cancel, channel, encodeControl({ reason }))
  }

  sendCredit(channel: number, bytes: number): void {
    this.#send(FRAME.credit, channel, encodeCredit(bytes))
  }

  sendControl(type: FrameType, value: unknown): void {
    this.#send(type, CONNECTION_CHANNEL, encodeControl(value))
  }

  #send(type: FrameType, channel: number, payload: Uint8Array): void {
    if (!this.#gone) this.#mux.write(type, channel, payload)
  }

  /** Handles one message. Whatever is wrong with it closes the connection with a reason. */
  receive(message: Uint8Array): void {
    try {
      readFrames(message, (frame) => this.#handle(frame))
    } catch (error) {
      if (
        !(
          error instanceof FrameError ||
          error instanceof WireError ||
          error instanceof AttemptError
        )
      )
        throw error
      // Its clock is wrong, and not what it sends.
      const isAhead = error instanceof CapabilityError && error.fault === 'future'
      const code = isAhead ? CLOSE.unauthorized : CLOSE.protocol
      this.#host.violated(this, code, error.message)
    }
    this.#channels.flush()
  }

  /** The connection is gone: every lease on it is lost. `mayReturn`: its provider was not sent away. */
  lost(mayReturn: boolean): void {
    this.#gone = true
    this.#invoices.lost()
    this.#scores.lost()
    this.#channels.lost(mayReturn)
  }

  #handle(frame: Frame): void {
    if (this.#gone) return
    if (frame.channel === CONNECTION_CHANNEL) return this.#handleControl(frame)
    if (this.#channels.receive(frame)) return
    const fault = `no job was ever given to channel ${frame.channel}`
    this.#host.violated(this, CLOSE.foreignJob, fault)
  }

  #handleControl({ type, payload }: Frame): void {
    switch (type) {
      case FRAME.load:
        return this.#takeLoad(decodeControl(loadSchema, payload))
      case FRAME.capability:
        if (!this.#pace.take(this.#host.now())) throw new WireError('too many capability records')
        return this.#changeCapability(decodeControl(signedCapabilitySchema, payload))
      case FRAME.receipts:
        return this.#host.receiptsArrived(this, decodeControl(receiptsSchema, payload))
      case FRAME.scored:
        return this.#scores.answered(decodeScored(payload))
      case FRAME.rendered:
        return this.#scores.answered(decodeRendered(payload))
      case FRAME.opening:
        return this.#host.opened(this, decodeOpening(payload))
      case FRAME.invoice:
        return this.#invoices.answered(decodeControl(invoiceSchema, payload))
      case FRAME.drain:
        decodeControl(drainSchema, payload)
        this.#draining = true
        return this.#host.capabilityChanged(this, this.isVerifier)
      default:
        throw new WireError(`frame type ${type} has no place here`)
    }
  }

  #takeLoad(load: Load): void {
    const before = this.#load
    this.#load = load
    const isNews =
      load.slots !== before.slots ||
      load.kv_use !== before.kv_use ||
      load.cache_since !== before.cache_since
    if (isNews) this.#host.loadTold(this)
  }

  #changeCapability(signed: SignedCapability): void {
    const { announcement, capability, issuedAt } = openCapability(this.peer, signed)
    checkIssuedAt(issuedAt, { now: this.#host.now(), before: this.#issuedAt })
    const unsigned = payoutFault(this.peer, capability)
    if (unsigned !== undefined) return this.#host.violated(this, CLOSE.payout, unsigned)
    const wasVerifier = this.isVerifier
    this.#capability = capability
    this.#announcement = announcement
    this.#issuedAt = issuedAt
    this.#offers = offersOf(capability)
    this.#host.capabilityChanged(this, wasVerifier)
  }
}

const offersOf = (capability: Capability): ReadonlyMap<string, ModelOffer> =>
  new Map(capability.models.map((offer) => [offer.id, offer]))
