import { randomBytes } from 'node:crypto'
import { CLOSE, type CloseCode } from '@infernet/schemas/close-codes'
import { PING_TEXT, PONG_TEXT } from '@infernet/schemas/frame'
import { CHALLENGE_TTL_MS } from '@infernet/schemas/limits'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Capability, Challenge } from '@infernet/schemas/wire'
import type { EdgeEvents } from '../events.ts'
import { MAX_PROVIDERS } from '../limits.ts'
import { answerLogin, challengeFor, challengeMessage, type LoginVerdict } from './provider-login.ts'
import type { ProviderSession, SessionCapability } from './provider-session.ts'

/** Where a connection stands; plain data, so that it survives a Durable Object's hibernation. */
export type ConnectionState =
  | { readonly stage: 'challenged'; readonly challenge: Challenge }
  | {
      readonly stage: 'ready'
      readonly peer: PeerId
      readonly capability: Capability
      /** When its provider signed it, by that one's clock, ms since the epoch; undefined: not known. */
      readonly issuedAt?: number | undefined
      /** Until when its time here is written down, ms since the epoch; see `OnlineTime`. */
      readonly countedUntil?: number | undefined
    }

/** One provider's WebSocket, on whatever host. Its calls do not throw when it is closed already. */
export interface HubSocket {
  send(message: Uint8Array<ArrayBuffer> | string): void
  close(code: number, reason: string): void
  /** Bytes sent but not yet taken by the network. */
  bufferedBytes(): number
  /** The shortest round trip to its provider, ms; absent, or undefined, where the host cannot tell or not yet. */
  roundTripMs?(): number | undefined
  /** Keeps the connection's state for {@link HubConnections.restored}, where a host can lose its memory. */
  save(state: ConnectionState): void
}

type Login = Extract<LoginVerdict, { readonly ok: true }>
type LoginRefusal = Omit<Extract<LoginVerdict, { readonly ok: false }>, 'ok'>

/** What becomes of connections. */
export interface ConnectionsOptions {
  readonly now: () => number
  /** Runs `task` once after `delayMs`. */
  readonly later: (task: () => void, delayMs: number) => void
  readonly events: EdgeEvents
  /** Why this provider may not come now; undefined where it may. */
  readonly refusalOf: (login: Login) => LoginRefusal | undefined
  /** Makes what a connection is from its login on. */
  readonly open: (socket: HubSocket, peer: PeerId, capability: SessionCapability) => ProviderSession
  /** It has proven who it is. */
  readonly joined: (session: ProviderSession, version: number) => void
  /** It was here in an earlier life of this hub. */
  readonly returned: (session: ProviderSession, countedUntil: number | undefined) => void
  /** It has sent something. */
  readonly seen: (session: ProviderSession) => void
  /** It breaks the protocol. */
  readonly violated: (session: ProviderSession, code: CloseCode, fault: string) => void
  /** Its connection is over; `mayReturn`: it may be back soon, and go on. */
  readonly left: (session: ProviderSession, mayReturn: boolean) => void
}

type Connection =
  | { stage: 'challenged'; challenge: Challenge }
  | { stage: 'judging' }
  | { stage: 'ready'; session: ProviderSession }

/** A close reason is at most 123 bytes (RFC 6455 §5.5); ours are ASCII. */
const MAX_CLOSE_REASON_CHARS = 120

/** The sockets of a hub, from a challenge over the login that answers it to a session, and to their end. */
export class HubConnections {
  readonly #options: ConnectionsOptions
  readonly #connections = new Map<HubSocket, Connection>()

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  /** Somebody has connected; `audience` is the host name it dialled. */
  connected(socket: HubSocket, audience: string): void {
    if (this.#connections.size >= MAX_PROVIDERS) {
      socket.close(CLOSE.overloaded, 'this edge is full; try again later or use another')
      return
    }
    const nonce = randomBytes(32).toString('base64url')
    const challenge = challengeFor(audience, nonce, this.#options.now())
    this.#awaitLogin(socket, challenge)
    socket.save({ stage: 'challenged', challenge })
    socket.send(challengeMessage(challenge))
  }

  /** A connection that outlived this object's last life. */
  restored(socket: HubSocket, state: ConnectionState): void {
    if (state.stage === 'challenged') return this.#awaitLogin(socket, state.challenge)
    this.#options.returned(this.#open(socket, state), state.countedUntil)
  }

  #open(socket: HubSocket, state: { readonly peer: PeerId } & SessionCapability) {
    const session = this.#options.open(socket, state.peer, state)
    this.#connections.set(socket, { stage: 'ready', session })
    return session
  }

  /** A connection that does not log in must not keep its place. */
  #awaitLogin(socket: HubSocket, challenge: Challenge): void {
    this.#connections.set(socket, { stage: 'challenged', challenge })
    this.#options.later(() => {
      if (this.#connections.get(socket)?.stage !== 'challenged') return
      this.#refuse(socket, CLOSE.unauthorized, 'late', 'no login followed the challenge')
    }, CHALLENGE_TTL_MS)
  }

  /** One WebSocket message. Resolves when it has been dealt with; only a login takes time. */
  async received(socket: HubSocket, message: Uint8Array | string): Promise<void> {
    const connection = this.#connections.get(socket)
    if (connection === undefined) return
    if (typeof message === 'string') return this.#text(socket, connection, message)
    if (connection.stage === 'ready') return connection.session.receive(message)
    if (connection.stage === 'judging') {
      return this.#refuse(socket, CLOSE.protocol, 'protocol', 'wait for the welcome')
    }
    await this.#login(socket, connection.challenge, message)
  }

  #text(socket: HubSocket, connection: Connection, message: string): void {
    const session = connection.stage === 'ready' ? connection.session : undefined
    if (message === PING_TEXT) {
      if (session !== undefined) this.#options.seen(session)
      return socket.send(PONG_TEXT)
    }
    const fault = 'text messages other than ping have no meaning here'
    if (session !== undefined) this.#options.violated(session, CLOSE.protocol, fault)
    else this.#refuse(socket, CLOSE.protocol, 'protocol', fault)
  }

  async #login(socket: HubSocket, challenge: Challenge, message: Uint8Array): Promise<void> {
    this.#connections.set(socket, { stage: 'judging' })
    const verdict = await answerLogin(challenge, message, this.#options.now())
    if (!this.#connections.has(socket)) return
    const refusal = verdict.ok ? this.#options.refusalOf(verdict) : verdict
    if (refusal !== undefined)
      return this.#refuse(socket, refusal.code, refusal.fault, refusal.message)
    if (!verdict.ok) return
    this.#options.joined(this.#open(socket, verdict), verdict.version)
  }

  #refuse(socket: HubSocket, code: CloseCode, fault: string, message: string): void {
    this.#options.events.loginRefused(fault, message)
    this.drop(socket, code, message)
  }

  /** The socket is closed. */
  disconnected(socket: HubSocket): void {
    this.#forget(socket, true)
  }

  /** Closes a socket and forgets it at once: its own close event may be long in coming. */
  drop(socket: HubSocket, code: CloseCode, message: string): void {
    socket.close(code, message.slice(0, MAX_CLOSE_REASON_CHARS))
    this.#forget(socket, code === CLOSE.replaced)
  }

  #forget(socket: HubSocket, mayReturn: boolean): void {
    const connection = this.#connections.get(socket)
    this.#connections.delete(socket)
    if (connection?.stage === 'ready') this.#options.left(connection.session, mayReturn)
  }

  /** Closes them all. */
  closeAll(code: CloseCode, reason: string): void {
    for (const socket of this.#connections.keys()) this.drop(socket, code, reason)
  }
}
