import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { StartError } from './options.ts'

/** `port` if it is free on 127.0.0.1, or a free one for 0. Throws {@link StartError} when it is taken. */
export async function freePort(port: number): Promise<number> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EADDRINUSE') {
      throw new StartError(
        `Port ${port} is in use. Stop what uses it, or choose another: npm start -- --port ${port + 1}`,
      )
    }
    if (code === 'EACCES') throw new StartError(`Port ${port} needs root. Choose one above 1023.`)
    throw error
  }
  const { port: free } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return free
}
