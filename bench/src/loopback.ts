import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** Every server of the bench listens here and nowhere else, and only this address is ever loaded. */
export const LOOPBACK = '127.0.0.1'

/** The `http://` URL (no slash at the end) of a server that listens on a TCP port. */
export function listeningUrl(server: Pick<Server, 'address'>): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://${LOOPBACK}:${address.port}`
}

/** Finds a free port for a program that cannot pick one itself and report it. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, LOOPBACK)
  await once(server, 'listening')
  const { port } = new URL(listeningUrl(server))
  server.close()
  await once(server, 'close')
  return Number(port)
}

/**
 * Refuses a URL that is not on this machine: a load generator must never be pointed at strangers.
 * @throws {TypeError} when the URL is not plain HTTP on a loopback address
 */
export function assertLoopback(url: string): void {
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'http:' || !['127.0.0.1', 'localhost', '[::1]'].includes(hostname))
    throw new TypeError(`the bench loads only this machine, not ${url}`)
}
