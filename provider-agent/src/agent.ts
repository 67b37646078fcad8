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
  type Price,
  type Welcome,
} from '@infernet/schemas/wire'
import { encodeOpening, openRequestSchema, type OpenRequest } from '@infernet/schemas/audit-wire'
import { capabilityOf, type Role } from './capability.ts'
import { TranscriptStore } from './claims/transcript-store.ts'
import type { Clock } from './clock.ts'
import type { Engine } from './engines/engine.ts'
import type { EventLog } from './events.ts'
import { CLOSED_WORDS, type Availability } from './hardware/availability.ts'
import type { HardwareRecord } from './hardware/hardware-record.ts'
import type { Identity } from './identity.ts'
import { jobEvent } from './jobs/job-event.ts'
import type { JobOutcome } from './jobs/job.ts'
import { jobsMemoryBytes, processMemory } from './jobs/job-memory.ts'
import { Jobs } from './jobs/jobs.ts'
import { MemoryBudget } from './jobs/memory-budget.ts'
import {
  DRAIN_GRACE_MS,
  MAX_OUTBOX_BATCHES,
  MAX_TRANSCRIPTS_BYTES,
  RECEIPT_GRACE_MS,
  SWEEP_INTERVAL_MS,
  TRANSCRIPT_TTL_MS,
} from './limits.ts'
import type { EdgeAddress } from './link/edge-address.ts'
import type { LinkEnd } from './link/link-end.ts'
import { Link } from './link/link.ts'
import { Reports } from './link/reports.ts'
import { failuresAfter, reconnectDelay } from './link/reconnect-policy.ts'
import { LoadDesk, type AgentLoad } from './load/load-desk.ts'
import type { PayoutDesk } from './payout/payout-desk.ts'
import { Outbox } from './receipts/outbox.ts'
import { ReceiptSender } from './receipts/receipt-sender.ts'
import { statementOf } from './receipts/statement.ts'
import { VerifierDesk } from './verifier/verifier-desk.ts'
import { assertScores } from './verifier/verifier-error.ts'

const NORMAL_CLOSURE = 1000

export interface AgentOptions {
  readonly edge: EdgeAddress
  readonly identity: Identity
  readonly engine: Engine
  /** Absent: provider. */
  readonly role?: Role
  readonly price: Price
  /** Jobs at once, of each model where these share nothing; absent: found out. */
  readonly slots?: number | undefined
  /** Whether prompts may be kept here; `deny` when nothing is said. */
  readonly dataCollection?: Capability['data_collection']
  /** Where the earnings go. */
  readonly payouts: PayoutDesk
  /** What this machine is; absent: the edge is not told. */
  readonly hardware?: HardwareRecord | undefined
  /** What all jobs may hold; absent: by what this process may use. */
  readonly memory?: MemoryBudget
  /** When the owner lets jobs in; absent: always. */
  readonly availability?: Availability | undefined
  /** Folder of the receipt outbox. */
  readonly outboxPath: string
  readonly events: EventLog
  readonly clock: Clock
  readonly random: () => number
  readonly drainGraceMs?: number
}

/** `drained`: stopped as asked. `refused`: the edge will never take this agent as it is. */
export type AgentEnd = 'drained' | 'refused'

/**
 * The provider agent: keeps one connection to the edge, runs its jobs on the engine, and sees every
 * receipt delivered.
 */
export class Agent {
  readonly #options: AgentOptions
  readonly #receipts: ReceiptSender
  readonly #transcripts: TranscriptStore
  readonly #load: LoadDesk
  /** What the jobs hold. */
  readonly memory: MemoryBudget
  readonly #done = Promise.withResolvers<AgentEnd>()
  #mode: 'starting' | 'serving' | 'draining' | 'stopped' = 'starting'
  /** Set once stopped; `run` returns when the connection has closed as well. */
  #end: AgentEnd | undefined
  #link: Link | undefined
  #jobs: Jobs | undefined
  #verifier: VerifierDesk | undefined
  #reports: Reports | undefined
  #failures = 0
  #edgeDrains = false
  /** The capability record has changed since a hello was last made. */
  #isStale = false
  /** The owner has been told that no jobs come in. */
  #isPaused = false
  #redial: NodeJS.Timeout | undefined
  #sweep: NodeJS.Timeout | undefined

  /** Opens the outbox: throws `OutboxError`. */
  constructor(options: AgentOptions) {
    this.#options = options
    const { clock, engine, events, identity, slots } = options
    this.memory = options.memory ?? new MemoryBudget(jobsMemoryBytes(processMemory()))
    this.#load = new LoadDesk({ engine, slots, startedAt: clock.now() })
    this.#transcripts = new TranscriptStore({
      maxBytes: MAX_TRANSCRIPTS_BYTES,
      maxAgeMs: TRANSCRIPT_TTL_MS,
      now: clock.monotonic,
    })
    this.#receipts = new ReceiptSender({
      identity,
      outbox: new Outbox(options.outboxPath, MAX_OUTBOX_BATCHES),
      onUnknown: (lease) => events.emit({ event: 'receipt_unknown', lease }),
      onDropped: (batches, reason) => {
        events.emit({ event: 'receipts_dropped', batches, reason })
      },
      onUnstored: (reason) => events.emit({ event: 'receipts_unstored', reason }),
    })
  }

  /**
   * Starts the engine, connects, and serves until drained, stopped, or refused for good. Throws
   * `EngineStartError`, and `VerifierError` for a verifier whose engine cannot score.
   */
  async run(): Promise<AgentEnd> {
    const { edge, engine, events, hardware, payouts, role } = this.#options
    if (!edge.isPrivate) events.emit({ event: 'edge_unencrypted', edge: edge.url })
    const announced = payouts.announce(() => this.#capabilityChanged())
    events.emit({ event: 'engine_starting', engine: engine.kind })
    try {
      const started = engine.start({
        modelsChanged: () => this.#modelsChanged(),
        cacheLost: () => this.#load.cacheLost(this.#options.clock.now()),
        trouble: (message) => events.emit({ event: 'engine_trouble', message }),
        process: (event) => events.emit(event),
      })
      await Promise.race([Promise.all([started, announced, hardware?.known()]), this.#done.promise])
      if (role === 'verifier') assertScores(engine)
      if (this.#mode === 'starting') this.#serve()
      return await this.#done.promise
    } finally {
      clearInterval(this.#sweep)
      clearTimeout(this.#redial)
      this.#options.availability?.close()
      await engine.close()
      await payouts.close()
    }
  }

  get jobsRunning(): number {
    return this.#jobs?.running ?? 0
  }

  /** How many jobs it takes, and how full its engine is. */
  get load(): AgentLoad {
    return {
      slots: this.#load.slots,
      findsSlots: this.#load.findsSlots,
      waiting: this.#options.engine.load?.waiting ?? 0,
      kvUse: this.#load.kvUse(this.#jobs),
    }
  }

  /** Batches of receipts that the edge has not acknowledged. */
  get receiptBatchesWaiting(): number {
    return this.#receipts.waiting
  }

  /** Finishes what runs, delivers the receipts and ends. A second call ends at once. */
  drain(): void {
    if (this.#mode === 'draining' || this.#mode === 'stopped') return this.stop()
    const wasServing = this.#mode === 'serving'
    this.#mode = 'draining'
    if (wasServing) void this.#drain()
    else this.#stopped('drained')
  }

  /** Ends at once: running jobs go back to the edge. */
  stop(): void {
    if (this.#mode === 'stopped') return
    this.#jobs?.abandonAll()
    const link = this.#link
    this.#stopped('drained')
    link?.close(NORMAL_CLOSURE, 'stopped')
  }

  #serve(): void {
    this.#mode = 'serving'
    this.#announceModels()
    this.#options.availability?.start(this.#options.clock.now())
    this.#announceAvailability()
    this.#sweep = setInterval(() => this.#tick(), SWEEP_INTERVAL_MS)
    this.#dial()
  }

  async #drain(): Promise<void> {
    const { drainGraceMs = DRAIN_GRACE_MS, events } = this.#options
    const running = this.#jobs?.running ?? 0
    events.emit({ event: 'draining', running, grace_ms: drainGraceMs })
    clearTimeout(this.#redial)
    this.#jobs?.drain()
    this.#verifier?.close()
    if (this.#link?.isReady) {
      const payload = encodeControl({ reason: 'the provider is shutting down' })
      this.#link.write(FRAME.drain, CONNECTION_CHANNEL, payload)
    }
    await this.#jobs?.idle(drainGraceMs)
    if (this.#mode === 'draining') this.#jobs?.abandonAll()
    await this.#receipts.settled(RECEIPT_GRACE_MS)
    this.stop()
  }

  #stopped(end: AgentEnd): void {
    this.#mode = 'stopped'
    const { counters } = this.#options.events
    const jobs = counters.events.job_done ?? 0
    this.#receipts.close()
    this.#options.events.emit({ event: 'stopped', jobs, earned_msat: counters.earnedMsat })
    this.#end = end
    if (this.#link === undefined) this.#done.resolve(end)
  }

  #dial(): void {
    const { clock, edge, identity, events } = this.#options
    events.emit({ event: 'connecting', edge: edge.url, attempt: this.#failures + 1 })
    this.#edgeDrains = false
    const link = new Link({
      edge,
      identity,
      clock,
      capability: () => {
        this.#isStale = false
        return this.#capability()
      },
      onReady: (welcome) => this.#ready(link, welcome),
      onFrame: (frame) => this.#frame(frame),
      onCongested: (congested) => this.#jobs?.setCongested(congested),
      onEnd: (end) => this.#lost(link, end),
    })
    this.#link = link
  }

  #ready(link: Link, welcome: Welcome): void {
    const { clock, edge, engine, events, identity, role = 'provider' } = this.#options
    this.#jobs = new Jobs({
      engine,
      slots: () => this.#load.slots,
      slotsPerModel: () => this.#load.slotsPerModel,
      isOpen: () => this.#isOpen,
      clock,
      memory: this.memory,
      outlet: link,
      windowBytes: welcome.window_bytes,
      onOutcome: (outcome) => this.#finished(outcome),
      onBusy: (reason, model) => events.emit({ event: 'job_busy', reason, model }),
    })
    if (this.#mode === 'draining') this.#jobs.drain()
    const write = (type: FrameType, payload: Uint8Array): void => {
      link.write(type, CONNECTION_CHANNEL, payload)
    }
    this.#verifier = new VerifierDesk({ role, engine, events, now: clock.monotonic, write })
    if (this.#mode === 'draining') this.#verifier.close()
    this.#reports = new Reports({
      write,
      capability: () => this.#capability(),
      load: () => this.#load.report(this.#jobs),
    })
    if (this.#isStale) this.#reports.capabilityChanged(clock.monotonic())
    this.#receipts.connected(write)
    const { peer } = identity
    events.emit({ event: 'connected', edge: edge.url, peer, session: welcome.session })
  }

  #frame({ type, channel, payload }: Frame): void {
    switch (type) {
      case FRAME.job:
        return this.#jobs?.open(channel, payload)
      case FRAME.cancel:
        decodeControl(cancelSchema, payload)
        return this.#jobs?.cancel(channel)
      case FRAME.credit:
        if (payload.length !== 4) throw new WireError('a credit has 4 bytes')
        return this.#jobs?.credit(channel, readU32(payload, 0))
      case FRAME.receiptAck:
        return this.#receipts.acknowledge(decodeControl(receiptAckSchema, payload))
      case FRAME.openRequest:
        return this.#open(decodeControl(openRequestSchema, payload))
      case FRAME.score:
        return this.#verifier?.takeScore(payload)
      case FRAME.render:
        return this.#verifier?.takeRender(payload)
      case FRAME.invoiceRequest:
        void this.#giveInvoice(decodeControl(invoiceRequestSchema, payload))
        return
      case FRAME.drain:
        void this.#leave(decodeControl(drainSchema, payload).reason)
    }
  }

  /** Shows what a receipt has committed to. */
  #open({ lease }: OpenRequest): void {
    const { events } = this.#options
    const bytes = this.#transcripts.open(lease)
    events.emit({ event: 'transcript_opened', lease, found: bytes !== undefined })
    this.#link?.write(FRAME.opening, CONNECTION_CHANNEL, encodeOpening(lease, bytes))
  }

  /** Beside the jobs, which go on: the node may take its time. */
  async #giveInvoice(request: InvoiceRequest): Promise<void> {
    const link = this.#link
    const answer = await this.#options.payouts.reply(request)
    link?.write(FRAME.invoice, CONNECTION_CHANNEL, encodeControl(answer))
  }

  /** The edge wants to restart: finish what runs, then come back to its successor. */
  async #leave(reason: string): Promise<void> {
    if (this.#edgeDrains || this.#mode !== 'serving') return
    this.#edgeDrains = true
    const { drainGraceMs = DRAIN_GRACE_MS, events } = this.#options
    const link = this.#link
    events.emit({ event: 'edge_drains', reason, running: this.#jobs?.running ?? 0 })
    this.#jobs?.drain()
    await this.#jobs?.idle(drainGraceMs)
    await this.#receipts.settled(RECEIPT_GRACE_MS)
    link?.close(NORMAL_CLOSURE, 'drained')
  }

  #finished(outcome: JobOutcome): void {
    const { engine, events, hardware, identity } = this.#options
    hardware?.finished(outcome)
    this.#load.finished(outcome)
    const { evidence, header } = outcome
    const statement = statementOf(outcome, identity.peer, engine.kind)
    if (statement !== undefined) {
      if (evidence !== undefined) this.#transcripts.keep(header.lease, evidence.transcript)
      this.#receipts.add(statement)
    }
    events.emit(jobEvent(outcome))
  }

  #lost(link: Link, end: LinkEnd): void {
    this.#receipts.disconnected()
    const jobs = this.#jobs
    this.#verifier?.close()
    this.#jobs = undefined
    this.#verifier = undefined
    this.#reports = undefined
    this.#link = undefined
    jobs?.loseAll()
    if (this.#end !== undefined) this.#done.resolve(this.#end)
    if (this.#mode !== 'serving') return
    const { events, random } = this.#options
    if (end.isFatal) {
      events.emit({ event: 'gave_up', reason: end.reason, next_step: end.nextStep })
      this.#stopped('refused')
      return
    }
    const ended = { welcomeMs: link.welcomeMs, ...codeOf(end) }
    this.#failures = failuresAfter(this.#failures, ended)
    const delay = reconnectDelay(this.#failures, ended, random())
    const { reason, nextStep } = end
    events.emit({
      event: 'disconnected',
      reason,
      next_step: nextStep,
      retry_ms: delay,
      ...codeOf(end),
    })
    this.#redial = setTimeout(() => this.#dial(), delay)
  }

  #tick(): void {
    const { availability, clock, hardware } = this.#options
    const now = clock.monotonic()
    // The owner's hours are of the clock on the wall.
    if (availability?.tick(clock.now(), this.jobsRunning) === true) {
      this.#announceAvailability()
      this.#capabilityChanged()
    } else if (hardware?.isDue(now) === true || this.#load.isDue(now)) this.#capabilityChanged()
    this.#load.tick(now, this.#jobs)
    this.#jobs?.sweep(now)
    this.#link?.tick(now)
    this.#reports?.tick(now)
  }

  #modelsChanged(): void {
    if (this.#mode === 'starting') return
    this.#announceModels()
    this.#capabilityChanged()
  }

  #capabilityChanged(): void {
    this.#isStale = true
    this.#reports?.capabilityChanged(this.#options.clock.monotonic())
  }

  get #isOpen(): boolean {
    return this.#options.availability?.closedBy === undefined
  }

  /** The owner reads why no jobs come. That they may come in at first is no news. */
  #announceAvailability(): void {
    const { availability, events } = this.#options
    const why = availability?.closedBy
    if (why !== undefined) events.emit({ event: 'paused', why, message: CLOSED_WORDS[why] })
    else if (this.#isPaused) events.emit({ event: 'resumed' })
    this.#isPaused = why !== undefined
  }

  #announceModels(): void {
    const { engine, events, dataCollection = 'deny' } = this.#options
    this.#load.modelsChanged(this.#options.clock.now())
    const models = engine.models.map(({ id }) => id)
    const offers = engine.models.map(({ id, endpoints, capabilities, quantization }) => ({
      id,
      endpoints,
      capabilities,
      ...(quantization === undefined ? {} : { quantization }),
    }))
    const { kind } = engine
    events.emit({ event: 'models', engine: kind, models, offers, data_collection: dataCollection })
  }

  #capability(): Capability {
    const { engine, payouts, hardware, clock, memory: _, ...terms } = this.#options
    // A provider without models is given no jobs, and stays connected.
    const offered = this.#isOpen ? engine : { kind: engine.kind, models: [] }
    return capabilityOf(offered, {
      ...terms,
      slots: this.#load.announce(clock.monotonic()),
      payout: payouts.payout,
      hardware: hardware?.tell(clock.monotonic()),
    })
  }
}

const codeOf = (end: LinkEnd): { code?: number } =>
  end.code === undefined ? {} : { code: end.code }
