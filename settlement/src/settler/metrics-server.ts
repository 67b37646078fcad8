import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** `GET /metrics` on loopback only: it says how much money moves. Port 0 is any free one. */
export async function startMetricsServer(
  port: number,
  render: () => string,
): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((request, response) => {
    const known = request.method === 'GET' && request.url === '/metrics'
    response
      .writeHead(known ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4' })
      .end(known ? render() : '')
  })
  await once(server.listen(port, '127.0.0.1'), 'listening')
  server.unref()
  const address = server.address() as AddressInfo
  return {
    port: address.port,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
