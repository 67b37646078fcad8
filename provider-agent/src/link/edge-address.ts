import { PROVIDER_PATH } from '@infernet/schemas/wire'

/** Where an edge is dialled, and the name it must call itself by. */
export interface EdgeAddress {
  /** The WebSocket URL. */
  readonly url: string
  /** Host name a login is bound to. */
  readonly audience: string
  /** TLS, or a connection that does not leave this machine. */
  readonly isPrivate: boolean
}

export class EdgeAddressError extends Error {
  override readonly name = 'EdgeAddressError'
  readonly code = 'bad_edge_url'
}

const SCHEMES: ReadonlyMap<string, string> = new Map([
  ['ws:', 'ws:'],
  ['http:', 'ws:'],
  ['wss:', 'wss:'],
  ['https:', 'wss:'],
])
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Reads `--edge`: an origin as `https://`, `http://`, `wss://` or `ws://`. */
export function edgeAddress(text: string): EdgeAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const scheme = SCHEMES.get(url?.protocol ?? '')
  if (url === undefined || scheme === undefined) {
    throw new EdgeAddressError(
      `'${text}' is not an edge URL; write it like https://edge.example.org`,
    )
  }
  const base = url.pathname.replace(/\/+$/, '')
  const path = base.endsWith(PROVIDER_PATH) ? base : base + PROVIDER_PATH
  return {
    url: `${scheme}//${url.host}${path}`,
    audience: url.hostname,
    isPrivate: scheme === 'wss:' || LOOPBACK.has(url.hostname),
  }
}
