import type { Opening } from '@infernet/schemas/audit-wire'
import { CLOSE, type CloseCode } from '@infernet/schemas/close-codes'
import { FRAME } from '@infernet/schemas/frame'
import { FrameMux } from '@infernet/schemas/frame-mux'
import { newRequestId, type JobId, type LeaseId } from '@infernet/schemas/ids'
import { JOB_WINDOW_BYTES, PING_INTERVAL_MS } from '@infernet/schemas/limits'
import { targetOf } from '@infernet/schemas/payout-statement'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Capability, ReceiptBatchFrame, Welcome } from '@infernet/schemas/wire'
import type { AuditDesk } from '../audit/audit-desk.ts'
import type { Audit } from '../audit/audit-port.ts'
import type { Verifiers } from '../audit/verifiers.ts'
import type { GpuRest } from '../challenge/gpu-rests.ts'
import { HubGpus } from '../challenge/hub-gpus.ts'
import type { ProviderMachine } from '../challenge/provider-machine.ts'
import type {
  Directory,
  InvoiceOrder,
  JobAnswer,
  JobOrder,
  OfferView,
  Presence,
  SharedGpu,
} from '../ports.ts'
import type { SelfTestOutcome } from '../self-test/self-test-port.ts'
import { SelfTests } from '../self-test/self-tests.ts'
import { refusalOf } from './admission.ts'
import { Dispatcher } from './dispatcher.ts'
import { auditDesk } from './hub-audits.ts'
import { HubConnections, type ConnectionState, type HubSocket } from './hub-connections.ts'
import type { HubOptions } from './hub-options.ts'
import { HubSessions } from './hub-sessions.ts'
import { hubVerifiers } from './hub-verifiers.ts'
import { InvoiceAskError } from './invoice-asks.ts'
import { JobEndings } from './job-endings.ts'
import type { JobRun } from './job-run.ts'
import { ModelOffers } from './model-offers.ts'
import { peersOf, specOf } from './offered-specs.ts'
import { offersOf, PlacedOffers } from './placed-offers.ts'
import { ProviderSession, type SessionCapability, type SessionHost } from './provider-session.ts'
import { ReceiptError, ReceiptIntake } from './receipt-intake.ts'

/** One shard of providers: logs them in, matches jobs to them, runs the jobs. Knows no platform. */
export class ProviderHub implements SessionHost {
  readonly #options: HubOptions
  readonly #connections: HubConnections
  readonly #sessions: HubSessions
  readonly #offers = new ModelOffers()
  readonly #dispatcher: Dispatcher
  readonly #receipts: ReceiptIntake
  readonly #audits: AuditDesk | undefined
  readonly #verifiers: Verifiers
  readonly #placed: PlacedOffers
  readonly #gpus: HubGpus<ProviderSession>
  readonly #selfTests: SelfTests

  constructor(options: HubOptions) {
    this.#options = options
    this.#verifiers = hubVerifiers(options)
    this.#audits = auditDesk(options, this.#verifiers, {
      areReceiptsKept: () => this.#receipts.isAway,
      ask: (peer, lease) => this.#askOpening(peer, lease),
      onStanding: (peer) => this.#standing(peer),
    })
    const { events, now } = options
    this.#sessions = new HubSessions(options)
    this.#connections = new HubConnections({
      ...options,
      refusalOf: ({ peer, capability }) =>
        this.#refusalOf(peer, capability) ?? this.#gpus.restRefusal(peer),
      open: (socket, peer, capability) => this.#open(socket, peer, capability),
      joined: (session, version) => this.#joined(session, version),
      returned: (session, countedUntil) => this.#admit(session, { isNew: false, countedUntil }),
      seen: (session) => this.#sessions.seen(session),
      violated: (session, code, fault) => this.violated(session, code, fault),
      left: (session, mayReturn) => this.#left(session, mayReturn),
    })
    this.#gpus = new HubGpus({
      sessions: this.#sessions.byPeer,
      serves: (session) => !session.draining && !session.isVerifier && !this.#placed.rests(session),
      trustOf: (peer, offer) => this.#audits?.trustOf(peer, offer) ?? 1,
      now,
      later: options.later,
      onRest: (session) => this.#placed.judged(session),
      sendAway: (session, code, message) => {
        events.gpuShared(session.peer, message)
        this.#connections.drop(session.socket, code, message)
      },
    })
    this.#placed = new PlacedOffers({
      offers: this.#offers,
      audits: this.#audits,
      isResting: (peer) => this.#gpus.isResting(peer),
      now,
      onChange: (session) => this.#dispatcher.roomChanged(session),
    })
    this.#receipts = new ReceiptIntake({
      ...options,
      onStored: (statement, receipt) => this.#audits?.receipt(statement, receipt),
      onUnavailable: (error) => events.storeFailed('storeReceipts', error),
    })
    this.#selfTests = new SelfTests({
      ...options,
      offers: this.#offers,
      silent: (session) => this.#silent(session),
      tested: (report) => events.selfTested(report),
    })
    const endings = new JobEndings({
      ...options,
      receipts: this.#receipts,
      audits: this.#audits,
      sessions: this.#sessions,
    })
    this.#dispatcher = new Dispatcher(this.#offers, {
      ...options,
      silent: (session) => this.#silent(session),
      ended: (record, legs, run) => endings.ended(record, legs, run),
      unmet: (model, reason) => events.demandUnmet(model, reason),
    })
  }

  now(): number {
    return this.#options.now()
  }

  seedOf(lease: LeaseId): number {
    return this.#options.audit.seedOf(lease)
  }

  later(task: () => void, delayMs: number): void {
    this.#options.later(task, delayMs)
  }

  get jobsInFlight(): number {
    return this.#dispatcher.jobsInFlight
  }

  /** Jobs that wait for a provider to have room. */
  get jobsWaiting(): number {
    return this.#dispatcher.jobsWaiting
  }

  /** Ended jobs whose clients wait for a verdict. */
  get verdictsAwaited(): number {
    return this.#dispatcher.verdictsAwaited
  }

  get providers(): number {
    return this.#sessions.byPeer.size
  }

  directory(): Directory {
    this.#placed.wakeRested()
    return this.#offers.directory()
  }

  /** Slots of the model's providers, and those of them that are free now. */
  modelLoad(model: string): { readonly slots: number; readonly free: number } {
    return this.#offers.modelLoad(model)
  }

  /** Everybody who offers the model. */
  providersOf(model: string): readonly OfferView[] {
    return this.#offers.providersOf(model, this.now())
  }

  /** An answer of a provider's was judged elsewhere. */
  judged(audit: Audit): void {
    this.#audits?.judged(audit)
  }

  /** The share of a provider's answers that is looked at, 0 to 1; 0 where nothing is audited. */
  auditRateOf(peer: PeerId, spec: string): number {
    return this.#audits?.rateOf(peer, spec) ?? 0
  }

  /** By what spec a provider serves a model now. */
  specOf(peer: PeerId, model: string): string | undefined {
    return specOf(this.#offers, peer, model)
  }

  /** Who serves a model by that spec now. */
  peersOf(model: string, spec: string): readonly PeerId[] {
    return peersOf(this.#offers, model, spec)
  }

  /** The machines of those that serve now, in the order in which they came. */
  machines(): readonly ProviderMachine[] {
    return this.#gpus.machines()
  }

  /** A challenge has found that two providers are one machine. */
  rest(rest: GpuRest): void {
    this.#gpus.rest(rest)
  }

  /** What challenges have found of these providers' machines. */
  sharedGpusOf(peers: readonly PeerId[]): readonly SharedGpu[] {
    return this.#gpus.of(peers)
  }

  /** Those of these providers that are connected here. */
  presenceOf(peers: readonly PeerId[]): readonly Presence[] {
    const now = this.now()
    return peers.flatMap((peer) => {
      const session = this.#sessions.get(peer)
      if (session === undefined) return []
      const countedUntil = this.#sessions.countedUntil(peer) ?? now
      const reliability = this.#offers.reliabilityOf(session, now)
      return [{ peer, countedUntil, reliability, load: session.load }]
    })
  }

  /** Resolves when it is written down for how long those who have left were here; never rejects. */
  hoursWritten(): Promise<void> {
    return this.#sessions.hoursWritten()
  }

  /** An invoice of the provider's own node, unchecked. Rejects with {@link InvoiceAskError}. */
  async askInvoice(peer: PeerId, order: InvoiceOrder): Promise<string> {
    const session = this.#sessions.get(peer)
    if (session === undefined) throw new InvoiceAskError('offline', 'it is not connected')
    return session.askInvoice(order)
  }

  /** See {@link SelfTests.run}. Whoever asks is that provider. */
  selfTest(peer: PeerId): Promise<SelfTestOutcome> {
    this.#placed.wakeRested()
    return this.#selfTests.run(peer, this.#sessions.get(peer))
  }

  /** Names of models known from an earlier life. */
  remember(models: readonly string[]): void {
    this.#offers.remember(models, this.now())
  }

  /** See {@link HubConnections.connected}. */
  connected(socket: HubSocket, audience: string): void {
    this.#connections.connected(socket, audience)
  }

  /** See {@link HubConnections.restored}. */
  restored(socket: HubSocket, state: ConnectionState): void {
    this.#connections.restored(socket, state)
  }

  /** See {@link HubConnections.received}. */
  received(socket: HubSocket, message: Uint8Array | string): Promise<void> {
    return this.#connections.received(socket, message)
  }

  /** See {@link HubConnections.disconnected}. */
  disconnected(socket: HubSocket): void {
    this.#connections.disconnected(socket)
  }

  #open(socket: HubSocket, peer: PeerId, capability: SessionCapability): ProviderSession {
    const mux = new FrameMux((bytes) => socket.send(bytes), this.#options.schedule)
    return new ProviderSession({ peer, capability, socket, mux, host: this })
  }

  #joined(session: ProviderSession, version: number): void {
    const { capability, peer } = session
    const older = this.#sessions.get(peer)
    if (older !== undefined) {
      this.#connections.drop(older.socket, CLOSE.replaced, 'the same key logged in again')
    }
    this.#admit(session, { isNew: true })
    this.#sessions.save(session)
    const welcome: Welcome = {
      version,
      session: newRequestId(this.now()),
      ping_interval_ms: PING_INTERVAL_MS,
      window_bytes: JOB_WINDOW_BYTES,
    }
    session.sendControl(FRAME.welcome, welcome)
    this.#options.events.providerJoined(peer, capability)
    this.#sessions.remember(session)
  }

  /** `isNew`: it was not here before this hub's last sleep. */
  #admit(
    session: ProviderSession,
    { isNew, countedUntil = this.now() }: { isNew: boolean; countedUntil?: number | undefined },
  ): void {
    const { peer } = session
    this.#sessions.add(session, countedUntil)
    this.#gpus.joined(session)
    this.#audits?.joined(peer, isNew, session)
    this.#paidTo(session)
    this.#offer(session)
  }

  #left(session: ProviderSession, mayReturn: boolean): void {
    const { peer } = session
    if (this.#sessions.isCurrent(session)) {
      this.#sessions.remove(session)
      this.#gpus.left(peer)
      this.#audits?.left(peer)
    }
    this.#placed.left(session)
    this.#verifiers.update(session, [])
    this.#options.events.providerLeft(peer, session.inFlight)
    session.lost(mayReturn)
  }

  #refusalOf(peer: PeerId, capability: Capability) {
    return refusalOf(peer, capability, this.#options) ?? this.#gpus.cardRefusal(peer, capability)
  }

  #paidTo({ capability: { payout }, peer }: ProviderSession): void {
    const destination = payout === undefined ? '' : targetOf(payout.to)
    if (destination !== '') this.#audits?.paidTo(peer, destination)
  }

  capabilityChanged(session: ProviderSession, wasVerifier: boolean): void {
    const { peer, capability } = session
    if (session.isVerifier !== wasVerifier)
      return this.violated(session, CLOSE.protocol, 'a role is for as long as a connection')
    const refusal = this.#refusalOf(peer, capability)
    if (refusal !== undefined) return this.violated(session, refusal.code, refusal.message)
    this.#gpus.joined(session)
    this.#offer(session)
    this.#paidTo(session)
    this.#sessions.changed(session)
  }

  #offer(session: ProviderSession): void {
    if (session.isVerifier) this.#verifiers.update(session, offersOf(session))
    else this.#placed.update(session)
  }

  slotTaken(session: ProviderSession, { attempts, order }: JobRun): void {
    this.#offers.load(session)
    if (attempts.length === 0 && order.isSelfTest !== true)
      this.#options.watch?.leased(order, session.peer)
  }

  slotFreed(session: ProviderSession): void {
    this.#dispatcher.roomChanged(session)
  }

  loadTold(session: ProviderSession): void {
    this.#dispatcher.loadTold(session)
  }

  receiptsArrived(session: ProviderSession, batch: ReceiptBatchFrame): void {
    this.#sessions.seen(session)
    const isHere = (): boolean => this.#sessions.isCurrent(session)
    this.#receipts.take(session.peer, batch, isHere).then(
      (ack) =>
        session.sendControl(FRAME.receiptAck, this.#selfTests.acknowledged(session.peer, ack)),
      (error: unknown) => {
        if (!(error instanceof ReceiptError))
          return this.#options.events.storeFailed('storeReceipts', error)
        this.violated(session, CLOSE.protocol, error.message)
      },
    )
  }

  opened(session: ProviderSession, opening: Opening): void {
    this.#audits?.opened(session.peer, opening)
  }

  /** Offers count as far as their provider is trusted; who was found out has to go. */
  #standing(peer: PeerId): void {
    const session = this.#sessions.get(peer)
    if (session === undefined) return
    if (session.isVerifier && this.#options.trustedVerifiers?.has(peer)) return
    const place = this.#audits?.placeOf(peer)
    if (place === 'banned' || place === 'shunned') {
      const names = session.capability.models.map(({ id }) => `'${id}'`).join(', ')
      this.#options.events.providerBanned(peer, names)
      const reason =
        place === 'shunned'
          ? 'your earnings would go where those of a banned provider went'
          : `audits have shown that your answers are not those of ${names}`
      return this.#connections.drop(session.socket, CLOSE.banned, reason)
    }
    if (!session.isVerifier) this.#placed.judged(session)
  }

  #askOpening(peer: PeerId, lease: LeaseId): boolean {
    const session = this.#sessions.get(peer)
    session?.sendControl(FRAME.openRequest, { lease })
    return session !== undefined
  }

  /** Cuts a provider off at once: nothing more it sends counts, and its jobs go elsewhere. */
  violated(session: ProviderSession, code: CloseCode, message: string): void {
    if (session.gone) return
    this.#options.events.protocolViolated(session.peer, code, message)
    this.#connections.drop(session.socket, code, message)
  }

  /**
   * Runs a job; resolves with its first bytes, its whole JSON answer, or its error. `mayWait`: it may
   * wait for a provider that has no room now.
   */
  submit(order: JobOrder, { mayWait = true }: { mayWait?: boolean } = {}): Promise<JobAnswer> {
    this.#placed.wakeRested()
    return this.#dispatcher.submit(order, { mayWait })
  }

  cancel(job: JobId, reason: string): void {
    this.#dispatcher.cancel(job, reason)
  }

  /** A provider let an offered job lie: its connection is as good as dead. */
  #silent(session: ProviderSession): void {
    this.violated(session, CLOSE.silent, 'a job was offered and nothing came back')
  }

  /** Asks providers to go elsewhere and take no more of our jobs: this edge is about to stop. */
  drain(reason: string): void {
    for (const session of this.#sessions.byPeer.values())
      session.sendControl(FRAME.drain, { reason })
  }

  /** Closes every provider's socket. Jobs still running fail, and are settled, before this returns. */
  closeAll(code: CloseCode, reason: string): void {
    this.#connections.closeAll(code, reason)
  }
}
