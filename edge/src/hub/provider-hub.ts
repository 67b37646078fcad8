import { randomBytes } from 'node:crypto'
import { CLOSE, type CloseCode } from '@infernet/schemas/close-codes'
import { FRAME, PING_TEXT, PONG_TEXT } from '@infernet/schemas/frame'
import { FrameMux } from '@infernet/schemas/frame-mux'
import { newRequestId, type JobId, type LeaseId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { JOB_WINDOW_BYTES, PING_INTERVAL_MS } from '@infernet/schemas/limits'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Capability, Challenge, ReceiptBatchFrame, Welcome } from '@infernet/schemas/wire'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { EdgeEvents } from '../events.ts'
import { BUSY_RETRY_AFTER_MS, MAX_JOBS, MAX_PROVIDERS, SWEEP_INTERVAL_MS } from '../limits.ts'
import type { Directory, JobAnswer, JobOrder, StorePort } from '../ports.ts'
import { fieldsOf } from './job-errors.ts'
import { JobRun, type JobHost } from './job-run.ts'
import type { JobTimeouts } from './job-timeouts.ts'
import { chooseProvider, type Refusal } from './matcher.ts'
import { ModelOffers } from './model-offers.ts'
import { answerLogin, challengeFor, challengeMessage } from './provider-login.ts'
import { ProviderSession, type ProviderSocket, type SessionHost } from './provider-session.ts'
import { ReceiptError, ReceiptIntake } from './receipt-intake.ts'

/** Where a connection stands; plain data, so that it survives a Durable Object's hibernation. */
export type ConnectionState =
  | { readonly stage: 'challenged'; readonly challenge: Challenge }
  | { readonly stage: 'ready'; readonly peer: PeerId; readonly capability: Capability }

/** A socket whose {@link ConnectionState} the host keeps for us. */
export interface HubSocket extends ProviderSocket {
  save(state: ConnectionState): void
}

type Connection =
  | { stage: 'challenged'; challenge: Challenge }
  | { stage: 'judging' }
  | { stage: 'ready'; session: ProviderSession }

/** What a host gives the hub. */
export interface HubOptions {
  readonly timeouts: JobTimeouts
  /** See `JobBody`. */
  readonly byteStreams: boolean
  /** See `FrameMux`. */
  readonly schedule: (flush: () => void, delayMs: number) => void
  /** Runs `task` once after `delayMs`; used only while jobs are in flight, so that an idle hub can hibernate. */
  readonly later: (task: () => void, delayMs: number) => void
  readonly now: () => number
  readonly random: () => number
  readonly settle: (record: JobRecord) => void
  readonly store: Pick<StorePort, 'storeReceipts' | 'providerSeen'>
  readonly events: EdgeEvents
}

/** One shard of providers: logs them in, matches jobs to them, runs the jobs. Knows no platform. */
export class ProviderHub implements SessionHost, JobHost {
  readonly #options: HubOptions
  readonly #connections = new Map<HubSocket, Connection>()
  readonly #sessions = new Map<PeerId, { session: ProviderSession; socket: HubSocket }>()
  readonly #offers = new ModelOffers()
  readonly #jobs = new Map<JobId, JobRun>()
  readonly #receipts: ReceiptIntake
  #sweeping = false

  constructor(options: HubOptions) {
    this.#options = options
    this.#receipts = new ReceiptIntake(options.store)
  }

  get timeouts(): JobTimeouts {
    return this.#options.timeouts
  }

  get byteStreams(): boolean {
    return this.#options.byteStreams
  }

  now(): number {
    return this.#options.now()
  }

  get jobsInFlight(): number {
    return this.#jobs.size
  }

  get providers(): number {
    return this.#sessions.size
  }

  directory(): Directory {
    return this.#offers.directory()
  }

  /** Names of models known from an earlier life. */
  remember(models: readonly string[]): void {
    this.#offers.remember(models, this.now())
  }

  /** A provider has connected; `audience` is the host name it dialled. */
  connected(socket: HubSocket, audience: string): void {
    if (this.#connections.size >= MAX_PROVIDERS) {
      socket.close(CLOSE.overloaded, 'this edge is full; try again later or use another')
      return
    }
    const challenge = challengeFor(audience, randomBytes(32).toString('base64url'), this.now())
    this.#connections.set(socket, { stage: 'challenged', challenge })
    socket.save({ stage: 'challenged', challenge })
    socket.send(challengeMessage(challenge))
  }

  /** A connection that outlived this object's last life. */
  restored(socket: HubSocket, state: ConnectionState): void {
    if (state.stage === 'challenged') this.#connections.set(socket, { ...state })
    else this.#admit(socket, state.peer, state.capability)
  }

  /** One WebSocket message. Resolves when it has been dealt with; only a login takes time. */
  async received(socket: HubSocket, message: Uint8Array | string): Promise<void> {
    const connection = this.#connections.get(socket)
    if (connection === undefined) return
    if (typeof message === 'string') {
      if (message === PING_TEXT) socket.send(PONG_TEXT)
      else socket.close(CLOSE.protocol, 'text messages other than ping have no meaning here')
      return
    }
    if (connection.stage === 'ready') return connection.session.receive(message)
    if (connection.stage === 'judging') return socket.close(CLOSE.protocol, 'wait for the welcome')
    await this.#login(socket, connection.challenge, message)
  }

  /** The socket is closed; call once. */
  disconnected(socket: HubSocket): void {
    const connection = this.#connections.get(socket)
    this.#connections.delete(socket)
    if (connection?.stage !== 'ready') return
    const { session } = connection
    if (this.#sessions.get(session.peer)?.session === session) this.#sessions.delete(session.peer)
    this.#offers.update(session, [], this.now())
    this.#options.events.providerLeft(session.peer, session.inFlight)
    session.lost()
  }

  async #login(socket: HubSocket, challenge: Challenge, message: Uint8Array): Promise<void> {
    this.#connections.set(socket, { stage: 'judging' })
    const verdict = await answerLogin(challenge, message, this.now())
    if (!this.#connections.has(socket)) return
    if (!verdict.ok) {
      this.#options.events.loginRefused(verdict.fault, verdict.message)
      socket.close(verdict.code, verdict.message.slice(0, 120))
      return
    }
    const older = this.#sessions.get(verdict.peer)
    if (older !== undefined) {
      older.socket.close(CLOSE.replaced, 'the same key logged in again')
      this.disconnected(older.socket)
    }
    const session = this.#admit(socket, verdict.peer, verdict.capability)
    socket.save({ stage: 'ready', peer: verdict.peer, capability: verdict.capability })
    const welcome: Welcome = {
      version: verdict.version,
      session: newRequestId(this.now()),
      ping_interval_ms: PING_INTERVAL_MS,
      window_bytes: JOB_WINDOW_BYTES,
    }
    session.sendControl(FRAME.welcome, welcome)
    this.#options.events.providerJoined(verdict.peer, verdict.capability)
    this.#remember(verdict.peer, verdict.capability)
  }

  #admit(socket: HubSocket, peer: PeerId, capability: Capability): ProviderSession {
    const mux = new FrameMux((bytes) => socket.send(bytes), this.#options.schedule)
    const session = new ProviderSession({ peer, capability, socket, mux, host: this })
    this.#connections.set(socket, { stage: 'ready', session })
    this.#sessions.set(peer, { session, socket })
    this.#offers.update(session, capability.models, this.now())
    return session
  }

  #remember(peer: PeerId, capability: Capability): void {
    this.#options.store.providerSeen(peer, capability).catch((error: unknown) => {
      this.#options.events.storeFailed('providerSeen', error)
    })
  }

  capabilityChanged(session: ProviderSession): void {
    const { peer, capability } = session
    this.#offers.update(session, session.draining ? [] : capability.models, this.now())
    this.#sessions.get(peer)?.socket.save({ stage: 'ready', peer, capability })
    this.#remember(peer, capability)
  }

  receiptsArrived(session: ProviderSession, batch: ReceiptBatchFrame): void {
    this.#receipts.take(session.peer, batch).then(
      (ack) => session.sendControl(FRAME.receiptAck, ack),
      (error: unknown) => {
        if (!(error instanceof ReceiptError)) return this.#options.events.storeFailed('storeReceipts', error)
        this.violated(session, CLOSE.protocol, error.message)
      },
    )
  }

  /** Cuts a provider off at once: nothing more it sends counts, and its jobs go elsewhere. */
  violated(session: ProviderSession, code: CloseCode, message: string): void {
    const entry = this.#sessions.get(session.peer)
    if (entry?.session !== session) return
    this.#options.events.protocolViolated(session.peer, code, message)
    entry.socket.close(code, message.slice(0, 120))
    this.disconnected(entry.socket)
  }

  /** Runs a job; resolves with its first bytes, its whole JSON answer, or its error. */
  submit(order: JobOrder): Promise<JobAnswer> {
    if (this.#jobs.size >= MAX_JOBS) {
      const error = apiErrors.overloaded(BUSY_RETRY_AFTER_MS)
      return Promise.resolve({ kind: 'error', error: fieldsOf(error) })
    }
    const run = new JobRun(order, this)
    this.#jobs.set(order.job, run)
    const answer = run.start()
    this.#sweepLater()
    return answer
  }

  cancel(job: JobId, reason: string): void {
    this.#jobs.get(job)?.cancel(reason)
  }

  choose(order: JobOrder, failed: ReadonlySet<string>): ProviderSession | Refusal {
    const rules = { maxPrice: order.maxPrice, exclude: failed }
    const chosen = chooseProvider(this.#offers.candidates(order.model), rules, this.#options.random)
    return typeof chosen === 'string' ? chosen : chosen.session
  }

  /** A provider let an offered job lie: its connection is as good as dead. */
  silent(session: ProviderSession): void {
    this.violated(session, CLOSE.silent, 'a job was offered and nothing came back')
  }

  ended(run: JobRun, record: JobRecord): void {
    this.#jobs.delete(run.order.job)
    if (record.lease !== null && record.providerId !== null) {
      this.#receipts.expect(record.lease as LeaseId, record.providerId as PeerId)
    }
    this.#options.settle(record)
    this.#options.events.jobEnded(record)
  }

  /** Asks providers to go elsewhere and take no more of our jobs: this edge is about to stop. */
  drain(reason: string): void {
    for (const { session } of this.#sessions.values()) session.sendControl(FRAME.drain, { reason })
  }

  /** Closes every provider's socket; jobs still running are lost. */
  closeAll(code: CloseCode, reason: string): void {
    for (const socket of this.#connections.keys()) socket.close(code, reason)
  }

  #sweepLater(): void {
    if (this.#sweeping) return
    this.#sweeping = true
    this.#options.later(() => {
      this.#sweeping = false
      const now = this.now()
      for (const run of [...this.#jobs.values()]) run.sweep(now)
      if (this.#jobs.size > 0) this.#sweepLater()
    }, SWEEP_INTERVAL_MS)
  }
}
