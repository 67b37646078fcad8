import { isIP } from 'node:net'
import { LnurlError } from './lnurl-error.ts'
import { isPublicAddress } from './public-address.ts'

/** What {@link guardedFetch} does to the outside, so that a test can be the outside. */
export interface GuardedFetchPorts {
  /** All addresses of a host name. */
  resolve(host: string, signal: AbortSignal): Promise<readonly string[]>
  /**
   * GETs `url` from `address`, whatever its name resolves to by now; follows nothing; reads at most
   * `maxBytes`, and throws when there is more.
   */
  get(
    url: URL,
    address: string,
    options: { maxBytes: number; signal: AbortSignal },
  ): Promise<{ status: number; body: string }>
  readonly policy: NetworkPolicy
}

/** Where requests may go. */
export interface NetworkPolicy {
  allowsAddress(address: string): boolean
  allowsPort(port: number): boolean
}

const HTTPS_PORT = 443
export const PUBLIC_INTERNET: NetworkPolicy = {
  allowsAddress: isPublicAddress,
  allowsPort: (port) => port === HTTPS_PORT,
}

/** LNURL answers have about 1 KB, or with a picture in the metadata up to about 100 KB. */
export const MAX_BODY_BYTES = 256 * 1024
const MAX_URL_LENGTH = 2048
const MAX_ADDRESSES = 16

/**
 * GETs JSON from a URL that a stranger gave us. Only https, only where the policy allows every address
 * of the host; connects to the very address that was checked, so that a name that changes in between
 * gains nothing. A redirect is an error. Throws {@link LnurlError}.
 */
export async function guardedFetch(
  url: URL,
  ports: GuardedFetchPorts,
  signal: AbortSignal,
): Promise<unknown> {
  assertPlainHttps(url, ports.policy)
  const address = await allowedAddress(url, ports, signal)
  const { status, body } = await reach(
    () => ports.get(url, address, { maxBytes: MAX_BODY_BYTES, signal }),
    signal,
  )
  // Services send their errors with all kinds of status codes; only a redirect must not be read.
  if (status < 200 || (status >= 300 && status < 400))
    throw new LnurlError('response', `It answered with status ${status}`)
  try {
    return JSON.parse(body)
  } catch (cause) {
    throw new LnurlError('response', `It did not answer with JSON (status ${status})`, { cause })
  }
}

function assertPlainHttps(url: URL, policy: NetworkPolicy): void {
  const port = url.port === '' ? HTTPS_PORT : Number(url.port)
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '')
    throw new LnurlError('forbidden', 'Only https URLs without credentials are asked')
  if (!policy.allowsPort(port)) throw new LnurlError('forbidden', `Port ${port} is not asked`)
  if (url.href.length > MAX_URL_LENGTH) throw new LnurlError('forbidden', 'The URL is too long')
}

async function allowedAddress(
  url: URL,
  ports: GuardedFetchPorts,
  signal: AbortSignal,
): Promise<string> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const addresses =
    isIP(host) === 0 ? await reach(() => ports.resolve(host, signal), signal) : [host]
  const [first] = addresses
  if (first === undefined) throw new LnurlError('unreachable', 'The host has no address')
  if (addresses.length > MAX_ADDRESSES || !addresses.every(ports.policy.allowsAddress))
    throw new LnurlError('forbidden', 'The host is not on the public internet')
  return first
}

async function reach<T>(action: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    signal.throwIfAborted()
    return await action()
  } catch (cause) {
    if (cause instanceof LnurlError) throw cause
    if (signal.aborted) throw new LnurlError('timeout', 'It did not answer in time', { cause })
    throw new LnurlError('unreachable', 'It could not be reached', { cause })
  }
}
