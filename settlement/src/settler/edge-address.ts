import { SETTLER_PATH } from '@infernet/schemas/settler-wire'
import { SettlerOptionError } from './settler-option-error.ts'

const SCHEMES: ReadonlyMap<string, 'ws:' | 'wss:'> = new Map([
  ['ws:', 'ws:'],
  ['http:', 'ws:'],
  ['wss:', 'wss:'],
  ['https:', 'wss:'],
])
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * The WebSocket URL behind `--edge`, an origin. The token travels on it, so that without TLS only this
 * machine is dialled unless `allowPlain`. Throws {@link SettlerOptionError}.
 */
export function settlerUrl(edge: string, allowPlain: boolean): string {
  const url = URL.canParse(edge) ? new URL(edge) : undefined
  const scheme = SCHEMES.get(url?.protocol ?? '')
  if (url === undefined || scheme === undefined)
    throw new SettlerOptionError(
      `'${edge}' is not an edge URL; write it like https://edge.example.org`,
    )
  if (scheme === 'ws:' && !allowPlain && !LOOPBACK.has(url.hostname))
    throw new SettlerOptionError(
      `${edge} is not encrypted and would show the settler's token: use https, or --allow-plain-edge inside a private network`,
    )
  return `${scheme}//${url.host}${url.pathname.replace(/\/+$/, '')}${SETTLER_PATH}`
}
