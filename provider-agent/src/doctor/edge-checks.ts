import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'
import type { Challenge } from '@infernet/schemas/wire'
import { edgeUrl } from '../edge-api/ask-edge.ts'
import { errorMessage } from '../error-message.ts'
import { edgeAddress, EdgeAddressError, type EdgeAddress } from '../link/edge-address.ts'
import { commonVersion, LoginRefusal } from '../link/login.ts'
import { challengeOf, DialError } from './challenge.ts'
import { failed, ok, skipped, warning, type Check, type Finding } from './check.ts'
import { clockFinding } from './edge-clock.ts'
import { shellWord } from './shell-word.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** A certificate that is renewed by itself is renewed before. */
const CERTIFICATE_DAYS = 7

export interface EdgeCheckOptions {
  /** `--edge`, if it was given. */
  readonly edge: string | undefined
  /** Ms since the epoch. */
  readonly now: () => number
}

/** Of the way to the edge and of the edge, without a login. */
export function edgeChecks({ edge, now }: EdgeCheckOptions): Check[] {
  let challenge: Challenge | undefined
  const address = (): EdgeAddress => edgeAddress(edge ?? '')
  return [
    { id: 'edge_name', name: 'edge: name', run: () => nameFinding(edge) },
    {
      id: 'edge_connection',
      name: 'edge: connection',
      after: 'edge_name',
      run: (signal) => connectionFinding(address(), signal, now()),
    },
    {
      id: 'clock',
      name: 'clock',
      after: 'edge_connection',
      run: (signal) => clockOf(edge ?? '', signal, now),
    },
    {
      id: 'edge_websocket',
      name: 'edge: WebSocket',
      after: 'edge_connection',
      async run(signal) {
        try {
          challenge = await challengeOf(address(), signal)
          return audienceFinding(challenge, address())
        } catch (error) {
          if (error instanceof DialError) return failed(error.message, error.nextStep)
          throw error
        }
      },
    },
    {
      id: 'edge_protocol',
      name: 'edge: protocol',
      after: 'edge_websocket',
      run: () => protocolFinding(challenge),
    },
  ]
}

async function nameFinding(edge: string | undefined): Promise<Finding> {
  if (edge === undefined) return skipped('not asked: name it with --edge https://edge.example.org')
  try {
    const host = hostOf(edgeAddress(edge))
    if (isIP(host) !== 0) return ok(`${host}, an address`)
    const found = await lookup(host, { all: true })
    return ok(`${host} is ${found.map((one) => one.address).join(', ')}`)
  } catch (error) {
    if (error instanceof EdgeAddressError) {
      return failed(error.message, 'ask the operator of the edge for its address')
    }
    const reason = errorMessage(error)
    return failed(reason, 'check --edge; then resolvectl status shows which name server is asked')
  }
}

/** Without the brackets of IPv6. */
const hostOf = ({ audience }: EdgeAddress): string => audience.replace(/^\[|\]$/g, '')

async function connectionFinding(
  address: EdgeAddress,
  signal: AbortSignal,
  now: number,
): Promise<Finding> {
  const { protocol, port } = new URL(address.url)
  const isTls = protocol === 'wss:'
  const host = hostOf(address)
  const target = { host, port: Number(port) || (isTls ? 443 : 80) }
  const socket = isTls
    ? connectTls({ ...target, ...(isIP(host) === 0 ? { servername: host } : {}) })
    : connect(target)
  try {
    await once(socket, isTls ? 'secureConnect' : 'connect', { signal })
    return connectedFinding(socket, address, now)
  } catch (error) {
    return refusedFinding(error, target)
  } finally {
    socket.destroy()
  }
}

function connectedFinding(socket: Socket, { isPrivate }: EdgeAddress, now: number): Finding {
  if (!(socket instanceof TLSSocket)) {
    return isPrivate
      ? ok('on this machine')
      : warning('not encrypted: who is between can read prompts', 'write https:// in --edge')
  }
  const ends = Date.parse(socket.getPeerCertificate().valid_to)
  const days = Math.floor((ends - now) / DAY_MS)
  const said = `${socket.getProtocol() ?? 'TLS'}, its certificate is good for ${days} days`
  return days < CERTIFICATE_DAYS ? warning(said, 'tell the operator of the edge') : ok(said)
}

function refusedFinding(
  error: unknown,
  { host, port }: { readonly host: string; readonly port: number },
): Finding {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const reason = errorMessage(error)
  if (/CERT|SSL|TLS|SIGNATURE|ISSUER/.test(code)) {
    return failed(
      reason,
      'is the clock right, and does a proxy look into TLS here? its certificate goes into NODE_EXTRA_CA_CERTS',
    )
  }
  const where = `${host} port ${port}`
  if (code === 'ECONNREFUSED') {
    return failed(`nothing listens at ${where}`, 'is the edge running? check --edge')
  }
  return failed(`cannot connect to ${where}: ${reason}`, 'does a firewall let this out?')
}

async function clockOf(edge: string, signal: AbortSignal, now: () => number): Promise<Finding> {
  const url = edgeUrl(edge, '/healthz')
  const sentAt = now()
  const response = await fetch(url, { method: 'HEAD', signal, redirect: 'manual' }).catch(() => {})
  const receivedAt = now()
  const edgeMs = Date.parse(response?.headers.get('date') ?? '')
  if (Number.isNaN(edgeMs)) return skipped('the edge does not say what time it is')
  return clockFinding({ sentAt, receivedAt, edge: edgeMs })
}

function audienceFinding({ audience }: Challenge, address: EdgeAddress): Finding {
  if (audience === address.audience) return ok('the edge takes connections of agents')
  return failed(
    `the edge at ${address.audience} calls itself ${audience}`,
    `use the address it is known by: --edge ${shellWord(`https://${audience}`)}`,
  )
}

function protocolFinding(challenge: Challenge | undefined): Finding {
  if (challenge === undefined) return skipped('the edge did not say')
  try {
    return ok(`version ${commonVersion(challenge.versions)}`)
  } catch (error) {
    if (!(error instanceof LoginRefusal)) throw error
    return failed(error.message, 'infernet-agent upgrade, or in a clone: git pull && npm ci')
  }
}
