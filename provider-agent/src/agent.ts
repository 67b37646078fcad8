import type { Capability, Price, Welcome } from '@infernet/schemas/wire'
import type { Role } from './capability.ts'
import type { Clock } from './clock.ts'
import type { Engine } from './engines/engine.ts'
import type { EventLog } from './events.ts'
import type { Availability } from './hardware/availability.ts'
import type { HardwareRecord } from './hardware/hardware-record.ts'
import { PauseDesk, type Moment } from './hardware/pause-desk.ts'
import type { Identity } from './identity.ts'
import { jobEvent } from './jobs/job-event.ts'
import type { JobOutcome } from './jobs/job.ts'
import { jobsMemoryBytes, processMemory } from './jobs/job-memory.ts'
import { MemoryBudget } from './jobs/memory-budget.ts'
import { DRAIN_GRACE_MS, RECEIPT_GRACE_MS, SWEEP_INTERVAL_MS } from './limits.ts'
import type { EdgeAddress } from './link/edge-address.ts'
import type { LinkEnd } from './link/link-end.ts'
import { Link } from './link/link.ts'
import { Redial } from './link/redial.ts'
import { LoadDesk, type AgentLoad } from './load/load-desk.ts'
import { Offer } from './offer.ts'
import type { PayoutDesk } from './payout/payout-desk.ts'
import { ReceiptDesk } from './receipts/receipt-desk.ts'
import { NORMAL_CLOSURE, Session } from './session.ts'
import { assertScores } from './verifier/verifier-error.ts'

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
  readonly #receipts: ReceiptDesk
  readonly #load: LoadDesk
  readonly #pause: PauseDesk
  readonly #offer: Offer
  readonly #redial: Redial
  /** What the jobs hold. */
  readonly memory: MemoryBudget
  readonly #done = Promise.withResolvers<AgentEnd>()
  #mode: 'starting' | 'serving' | 'draining' | 'stopped' = 'starting'
  /** Set once stopped; `run` returns when the connection has closed as well. */
  #end: AgentEnd | undefined
  #link: Link | undefined
  /** While it is welcome. */
  #session: Session | undefined
  #sweep: NodeJS.Timeout | undefined

  /** Opens the outbox: throws `OutboxError`. */
  constructor(options: AgentOptions) {
    this.#options = options
    const { availability, clock, engine, events, identity, outboxPath, random, slots } = options
    this.memory = options.memory ?? new MemoryBudget(jobsMemoryBytes(processMemory()))
    this.#load = new LoadDesk({ engine, slots, startedAt: clock.now() })
    this.#pause = new PauseDesk({ availability, engine, events })
    this.#offer = new Offer({
      engine,
      ...(options.role === undefined ? {} : { role: options.role }),
      price: options.price,
      ...(options.dataCollection === undefined ? {} : { dataCollection: options.dataCollection }),
      payouts: options.payouts,
      hardware: options.hardware,
      load: this.#load,
      events,
      clock,
      isOpen: () => this.#pause.isOpen,
    })
    this.#redial = new Redial({ events, random, dial: () => this.#dial() })
    this.#receipts = new ReceiptDesk({ identity, engine: engine.kind, outboxPath, events, clock })
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
      this.#redial.close()
      this.#pause.close()
      await engine.close()
      await payouts.close()
    }
  }

  get jobsRunning(): number {
    return this.#session?.jobs.running ?? 0
  }

  /** How many jobs it takes, and how full its engine is. */
  get load(): AgentLoad {
    return {
      slots: this.#load.slots,
      findsSlots: this.#load.findsSlots,
      waiting: this.#options.engine.load?.waiting ?? 0,
      kvUse: this.#load.kvUse(this.#session?.jobs),
    }
  }

  /** Batches of receipts that the edge has not acknowledged. */
  get receiptBatchesWaiting(): number {
    return this.#receipts.sender.waiting
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
    this.#session?.jobs.abandonAll()
    const link = this.#link
    this.#stopped('drained')
    link?.close(NORMAL_CLOSURE, 'stopped')
  }

  #serve(): void {
    this.#mode = 'serving'
    this.#announceModels()
    this.#pause.start(this.#moment())
    this.#sweep = setInterval(() => this.#tick(), SWEEP_INTERVAL_MS)
    this.#dial()
  }

  async #drain(): Promise<void> {
    const { events } = this.#options
    const grace = this.#drainGraceMs
    events.emit({ event: 'draining', running: this.jobsRunning, grace_ms: grace })
    this.#redial.close()
    this.#pause.leave()
    this.#session?.drain()
    if (this.#link?.isReady) this.#session?.sayDrain()
    await this.#session?.jobs.idle(grace)
    if (this.#mode === 'draining') this.#session?.jobs.abandonAll()
    await this.#receipts.sender.settled(RECEIPT_GRACE_MS)
    this.stop()
  }

  get #drainGraceMs(): number {
    return this.#options.drainGraceMs ?? DRAIN_GRACE_MS
  }

  #stopped(end: AgentEnd): void {
    this.#mode = 'stopped'
    const { counters } = this.#options.events
    const jobs = counters.events.job_done ?? 0
    this.#receipts.sender.close()
    this.#options.events.emit({ event: 'stopped', jobs, earned_msat: counters.earnedMsat })
    this.#end = end
    if (this.#link === undefined) this.#done.resolve(end)
  }

  #dial(): void {
    const { clock, edge, identity, events } = this.#options
    events.emit({ event: 'connecting', edge: edge.url, attempt: this.#redial.attempt })
    const link = new Link({
      edge,
      identity,
      clock,
      capability: () => this.#offer.atLogin(),
      onReady: (welcome) => this.#ready(link, welcome),
      onFrame: (frame) => this.#session?.frame(frame),
      onCongested: (congested) => this.#session?.jobs.setCongested(congested),
      onEnd: (end) => this.#lost(link, end),
    })
    this.#link = link
  }

  #ready(link: Link, welcome: Welcome): void {
    const { clock, edge, engine, events, identity, payouts, role = 'provider' } = this.#options
    this.#session = new Session({
      link,
      windowBytes: welcome.window_bytes,
      role,
      engine,
      load: this.#load,
      memory: this.memory,
      payouts,
      receipts: this.#receipts,
      events,
      clock,
      isOpen: () => this.#pause.isOpen,
      capability: () => this.#offer.record(),
      onOutcome: (outcome) => this.#finished(outcome),
      drainGraceMs: this.#drainGraceMs,
    })
    if (this.#mode === 'draining') this.#session.drain()
    if (this.#offer.isStale) this.#session.capabilityChanged()
    const { peer } = identity
    events.emit({ event: 'connected', edge: edge.url, peer, session: welcome.session })
  }

  #finished(outcome: JobOutcome): void {
    const { events, hardware } = this.#options
    hardware?.finished(outcome)
    this.#load.finished(outcome)
    this.#receipts.finished(outcome)
    events.emit(jobEvent(outcome))
  }

  #lost(link: Link, end: LinkEnd): void {
    this.#receipts.sender.disconnected()
    const session = this.#session
    this.#session = undefined
    this.#link = undefined
    session?.lost()
    if (this.#end !== undefined) this.#done.resolve(this.#end)
    if (this.#mode !== 'serving') return
    if (end.isFatal) {
      const { reason, nextStep } = end
      this.#options.events.emit({ event: 'gave_up', reason, next_step: nextStep })
      this.#stopped('refused')
      return
    }
    this.#redial.after(link.welcomeMs, end)
  }

  #tick(): void {
    const { hardware } = this.#options
    const moment = this.#moment()
    const { now } = moment
    if (this.#pause.tick(moment, this.#session?.working ?? 0)) this.#capabilityChanged()
    else if (hardware?.isDue(now) === true || this.#load.isDue(now)) this.#capabilityChanged()
    this.#load.tick(now, this.#session?.jobs)
    if (this.#session === undefined) this.#link?.tick(now)
    else this.#session.tick(now)
  }

  #moment(): Moment {
    const { now, monotonic } = this.#options.clock
    return { at: now(), now: monotonic() }
  }

  #modelsChanged(): void {
    if (this.#mode === 'starting') return
    this.#announceModels()
    this.#capabilityChanged()
  }

  #capabilityChanged(): void {
    this.#offer.changed()
    this.#session?.capabilityChanged()
  }

  #announceModels(): void {
    this.#load.modelsChanged(this.#options.clock.now())
    // That an engine has none which rests is no news of its own.
    if (!this.#pause.isResting) this.#offer.announce()
  }
}
