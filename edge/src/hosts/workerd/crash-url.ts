import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { crashAt } from '@infernet/settlement/settler/crash-at'

/**
 * For crash tests only: where the Worker tells by POST which step it has come to, since it can read no file. What is
 * planned for that step is done before the answer; see `crashAt`. Undefined where nobody asks for crashes.
 */
export async function crashUrl(env: Readonly<NodeJS.ProcessEnv>): Promise<string | undefined> {
  const at = crashAt(env)
  if (at === undefined) return undefined
  const server = createServer(async (request, response) => {
    try {
      at(await text(request))
      response.end()
    } catch {
      response.destroy()
    }
  })
  server.unref().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}/`
}
