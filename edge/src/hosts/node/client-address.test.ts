import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Hono } from 'hono'
import { expect, it, onTestFinished } from 'vitest'
import type { EdgeEnv } from '../../services.ts'
import { clientAddress } from './client-address.ts'
import { createHttpServer } from './http-server.ts'

/** What an edge behind a real socket takes for its client's address. */
async function addressOf(headers: Record<string, string>, trustProxy: boolean): Promise<string> {
  const app = new Hono<EdgeEnv>()
  app.get('/', (c) => c.text(clientAddress(c, trustProxy)))
  const server = createHttpServer((request, from) => app.fetch(request, from))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return (await fetch(`http://127.0.0.1:${port}/`, { headers })).text()
}

const forwarded = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7' }

it.each([
  ['the socket’s', {}, false, '127.0.0.1'],
  ['the socket’s, whatever a client says', forwarded, false, '127.0.0.1'],
  ['what the nearest proxy says, if it is trusted', forwarded, true, '198.51.100.7'],
  ['the socket’s, when a trusted proxy says nothing', {}, true, '127.0.0.1'],
] as const)('an address is %s', async (_, headers, trustProxy, address) => {
  expect(await addressOf(headers, trustProxy)).toBe(address)
})
