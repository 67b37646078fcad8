import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { request, type RequestOptions } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { PUBLIC_INTERNET, type GuardedFetchPorts } from './guarded-fetch.ts'
import { LnurlError } from './lnurl-error.ts'

/** The real outside: the system's resolver, and `node:https` bound to the address that was checked. */
export const httpsPorts: GuardedFetchPorts = {
  policy: PUBLIC_INTERNET,
  resolve: async (host, signal) => {
    const addresses = await untilAborted(lookup(host, { all: true }), signal)
    return addresses.map(({ address }) => address)
  },
  get: httpsGet(),
}

/** A GET by `node:https`. `tls` is for tests: an authority of their own. */
export function httpsGet(tls: Pick<RequestOptions, 'ca'> = {}): GuardedFetchPorts['get'] {
  return async (url, address, { maxBytes, signal }) => {
    const family = isIP(address)
    const outgoing = request(url, {
      ...tls,
      signal,
      // A connection of its own: a pooled one might lead to another address.
      agent: false,
      family,
      headers: { accept: 'application/json' },
      lookup: (_host, options, callback) =>
        options.all === true
          ? callback(null, [{ address, family }])
          : callback(null, address, family),
    })
    outgoing.end()
    const [response] = (await once(outgoing, 'response', { signal })) as [IncomingMessage]
    return { status: response.statusCode ?? 0, body: await readAtMost(response, maxBytes) }
  }
}

async function readAtMost(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) {
      response.destroy()
      throw new LnurlError('response', `It answered with more than ${maxBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The system's resolver cannot be stopped; its late answer is dropped. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    work.catch(() => {})
    throw signal.reason
  }
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
