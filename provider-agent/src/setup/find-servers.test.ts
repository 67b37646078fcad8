import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTcp } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { FakeEngine } from '../testing/fake-engine.ts'
import { findServers } from './find-servers.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function listening(handler: RequestListener): Promise<number> {
  const server: Server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

const NEVER = new AbortController().signal

describe('findServers', () => {
  it('tells engines apart by what they say, and takes nothing else for one', async () => {
    const engine = new FakeEngine()
    await engine.start()
    closing.push(() => engine.close())
    const ollama = await listening((request, response) => {
      const isSizes = request.url === '/api/tags'
      const list = {
        data: [
          { id: 'a:8b', owned_by: 'library' },
          { id: 'b', owned_by: 'library' },
        ],
      }
      const sizes = { models: [{ name: 'a:8b', size: 5e9 }] }
      response.end(JSON.stringify(isSizes ? sizes : list))
    })
    const tgi = await listening((request, response) => {
      const info = { model_id: 'm', max_total_tokens: 2048, router: 'text-generation-router' }
      const list = { data: [{ id: 'm', owned_by: 'm' }] }
      response.end(JSON.stringify(request.url === '/info' ? info : list))
    })
    const shop = await listening((_request, response) => response.end('<html>welcome</html>'))
    const closed = await listening(() => {})
    await closing.pop()?.()
    const found = await findServers(
      [
        { port: shop, name: 'TGI' },
        { port: engine.port, name: 'a server' },
        { port: closed, name: 'SGLang' },
        { port: ollama, name: 'Ollama', sizes: '/api/tags' },
        { port: tgi, name: 'a server' },
      ],
      NEVER,
    )
    expect(found).toEqual([
      {
        name: 'vLLM',
        url: engine.url,
        kind: 'vllm',
        isLoaded: true,
        models: [{ name: 'big-model' }],
      },
      {
        name: 'Ollama',
        url: `http://127.0.0.1:${ollama}`,
        kind: 'openai',
        isLoaded: false,
        models: [{ name: 'a:8b', bytes: 5e9 }, { name: 'b' }],
      },
      {
        name: 'TGI',
        url: `http://127.0.0.1:${tgi}`,
        kind: 'openai',
        isLoaded: true,
        models: [{ name: 'm' }],
      },
    ])
  })

  it('waits for nobody longer than the signal', async () => {
    const mute = createTcp().listen(0, '127.0.0.1')
    await once(mute, 'listening')
    const sockets = new Set<{ destroy(): void }>()
    mute.on('connection', (socket) => sockets.add(socket))
    closing.push(() => {
      for (const socket of sockets) socket.destroy()
      mute.close()
    })
    const stopping = new AbortController()
    const finding = findServers(
      [{ port: (mute.address() as AddressInfo).port, name: 'm' }],
      stopping.signal,
    )
    await once(mute, 'connection')
    stopping.abort()
    expect(await finding).toEqual([])
  })
})
