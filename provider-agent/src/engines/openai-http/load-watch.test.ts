import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { demoModel } from '../model-file.ts'
import { isBuilt, LlamaServer, llamaServerBinary } from '../../testing/llama-server.ts'
import { connectEngine } from './engine-connection.ts'
import { LoadWatch } from './load-watch.ts'

/** What a server says, as a test changes it. */
interface Said {
  running: number
  waiting: number
  kv: number
  written: number
  isMute: boolean
  /** It breaks off without an answer. */
  isSilent?: boolean
  /** Requests so far. */
  asked: number
}

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function serverThat(said: Said): Promise<string> {
  const server: Server = createServer(({ url }, response) => {
    said.asked++
    if (said.isSilent === true) return void response.destroy()
    if (url === '/slots') return void response.end('[{"n_ctx":9,"is_processing":false}]')
    if (said.isMute || url !== '/metrics') return void response.writeHead(404).end()
    response.end(
      `vllm:num_requests_running{engine="0"} ${said.running}\n` +
        `vllm:num_requests_waiting{engine="0"} ${said.waiting}\n` +
        `vllm:kv_cache_usage_perc{engine="0"} ${said.kv}\n` +
        `vllm:generation_tokens_total{engine="0"} ${said.written}\n`,
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function watchOf(url: string, ours = 0) {
  let restarts = 0
  const watch = new LoadWatch({
    connection: connectEngine(url, undefined),
    ours: () => ours,
    onRestart: () => restarts++,
    lookMs: 1,
  })
  closers.unshift(async () => watch.close())
  return { watch, restarts: () => restarts }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn()
}

const IDLE: Said = { running: 0, waiting: 0, kv: 0, written: 10, isMute: false, asked: 0 }

describe('watching the load of a server', () => {
  it('tells what is others’, once it was seen twice', async () => {
    const said = { ...IDLE, running: 5, waiting: 2, kv: 0.5 }
    const { watch } = watchOf(await serverThat(said), 4)
    expect(watch.load).toBeUndefined()
    watch.start('vllm')
    await until(() => watch.load !== undefined)
    expect(watch.load).toMatchObject({ kvUse: 0.5 })
    await until(() => watch.load?.others === 3)
    expect(watch.load).toEqual({ others: 3, waiting: 2, kvUse: 0.5 })
    Object.assign(said, { running: 3, waiting: 0, kv: 1.5 })
    await until(() => watch.load?.kvUse === 1)
    expect(watch.load).toEqual({ others: 0, waiting: 0, kvUse: 1 })
  })

  it('notices that the server was started again', async () => {
    const said = { ...IDLE }
    const { watch, restarts } = watchOf(await serverThat(said))
    watch.start('vllm')
    await until(() => said.asked > 2)
    said.written = 1_000
    const { asked } = said
    await until(() => said.asked > asked + 2)
    expect(restarts()).toBe(0)
    said.written = 0
    await until(() => restarts() > 0)
    const before = said.asked
    await until(() => said.asked > before + 2)
    expect(restarts()).toBe(1)
  })

  it('goes by what was said before while a server leaves looks unanswered', async () => {
    const said: Said = { ...IDLE, kv: 0.5 }
    const { watch } = watchOf(await serverThat(said))
    watch.start('llama-server')
    await until(() => watch.load !== undefined)
    said.isSilent = true
    const { asked } = said
    await until(() => said.asked > asked + 5)
    expect(watch.load).toMatchObject({ kvUse: 0.5 })
    expect(watch.slots).toBe(1)
    watch.stop()
    expect(watch.slots).toBeUndefined()
  })

  it('says nothing of a server that says nothing, or nothing any more', async () => {
    const said = { ...IDLE, kv: 0.5 }
    const { watch } = watchOf(await serverThat(said))
    watch.start('vllm')
    await until(() => watch.load !== undefined)
    said.isMute = true
    await until(() => watch.load === undefined)
    expect(watch.slots).toBeUndefined()
    said.isMute = false
    await until(() => watch.load !== undefined)
    watch.stop()
    expect(watch.load).toBeUndefined()
  })
})

describe.skipIf(!isBuilt(llamaServerBinary()))(
  'watching a real llama-server (needs it: node scripts/bootstrap.mjs llama-server)',
  () => {
    it('tells its slots, and how full their cache is', async () => {
      const server = await LlamaServer.start(demoModel().path, 'demo')
      closers.push(() => server.stop())
      const { watch } = watchOf(server.url)
      watch.start('llama-server')
      await until(() => watch.slots !== undefined)
      expect(watch.slots).toBe(4)
      expect(watch.load).toEqual({ others: 0, waiting: 0, kvUse: 0 })
      const body = JSON.stringify({ prompt: 'Count', n_predict: 900, ignore_eos: true })
      const ask = () => fetch(`${server.url}/completion`, { method: 'POST', body })
      const seen = until(() => (watch.load?.kvUse ?? 0) > 0 && watch.load?.others === 1)
      const enough = new AbortController()
      void seen.then(() => enough.abort())
      // The demo model writes all of it within half a second.
      while (!enough.signal.aborted) await (await ask()).arrayBuffer()
      await until(() => watch.load?.kvUse === 0)
      expect(watch.load).toMatchObject({ others: 0, waiting: 0 })
    })
  },
)
