import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isPublicAddress } from '@infernet/settlement/lnurl/public-address'
import { UpgradeError } from './upgrade-error.ts'

/** Where releases are: a folder of this machine, or one of a web server. */
export type ReleasePlace =
  | { readonly kind: 'folder'; readonly path: string }
  /** Ends with a slash. */
  | { readonly kind: 'web'; readonly url: URL }

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])
const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i

/** Reads `--from`: https, http on this machine, `file:`, or a path. Throws {@link UpgradeError}. */
export function releasePlace(text: string): ReleasePlace {
  if (!SCHEME.test(text)) return { kind: 'folder', path: resolve(text) }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'file:' && url.hostname === '') {
    return { kind: 'folder', path: fileURLToPath(url) }
  }
  if (url === undefined || !isSafe(url)) {
    throw new UpgradeError(
      'bad_address',
      `'${text}' is no place for releases: write --from https://releases.example.org/agent, or a folder`,
    )
  }
  url.pathname = `${url.pathname.replace(/\/(release\.json)?$/, '')}/`
  url.search = ''
  url.hash = ''
  return { kind: 'web', url }
}

/**
 * Where a redirect leads. Throws {@link UpgradeError} when that is not https, or another address of this machine or its
 * network: a server must not point there.
 */
export function redirectTarget(from: URL, location: string | null): URL {
  const isUrl = location !== null && URL.canParse(location, from.href)
  const to = isUrl ? new URL(location, from) : undefined
  const isHttps = to?.protocol === 'https:' && isSafe(to)
  if (isHttps && (to.hostname === from.hostname || isPublicHost(to.hostname))) return to
  const fault = isHttps ? 'is not on the public internet' : 'is not https'
  throw new UpgradeError(
    'unreachable',
    `${from.href} leads to ${location ?? 'nowhere'}, which ${fault}: name the right address with --from`,
  )
}

/** By an address as it is written. Where a name leads to its certificate vouches for: no private service has one of a stranger's. */
function isPublicHost(hostname: string): boolean {
  const host = hostname.replaceAll(/^\[|\]$/g, '')
  return isIP(host) === 0 ? !/(^|\.)localhost\.?$/.test(host) : isPublicAddress(host)
}

/** For people and messages. */
export const placeText = (place: ReleasePlace): string =>
  place.kind === 'web' ? place.url.href : place.path

const isSafe = ({ hostname, password, protocol, username }: URL): boolean =>
  username === '' &&
  password === '' &&
  (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname)))
