import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { request, type IncomingMessage, type Server } from 'node:http'
import { connect, type AddressInfo, type NetConnectOpts } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { CONTROL_REQUEST_MS, MAX_CONTROL_CONNECTIONS } from '../control/control-limits.ts'
import { controlServer, type ControlDesk } from '../control/control-server.ts'
import { listenAt } from '../control/control-socket.ts'
import { serveMetrics } from '../control/metrics-server.ts'
import { LlamaCppEngine } from '../engines/llama-cpp/llama-cpp.ts'
import { demoModel } from '../engines/model-file.ts'
import { FakeEdge } from '../testing/fake-edge.ts'

const MAIN = join(import.meta.dirname, '../cli/main.ts')
const OTHERS = 0o077

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

const closed = (server: Server) => () => {
  server.close()
  server.closeAllConnections()
}

/** An agent that has nothing to tell, and is not to be drained. */
const desk: ControlDesk = {
  watch: { last: () => [], follow: () => () => {}, followers: 0 },
  closing: new AbortController().signal,
  status: () => ({}) as never,
  models: () => [],
  drain: () => expect.unreachable(),
}

const newFolder = () => mkdtempSync(join(tmpdir(), 'infernet-'))

/** The answer to a request with headers that `fetch` would not send. */
async function raw(options: object): Promise<readonly [number | undefined, IncomingMessage]> {
  const asking = request({ agent: false, ...options }).end()
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  response.resume()
  return [response.statusCode, response]
}

describe('a page in the owner’s browser', () => {
  it('reads no metrics, not by a name of its own that leads here either', async () => {
    const server = await serveMetrics(0, () => 'infernet_agent_earned_msat_total 1\n')
    closing.push(closed(server))
    const { port } = server.address() as AddressInfo
    const asked = (host: string) =>
      raw({ host: '127.0.0.1', port, path: '/metrics', headers: { host } })
    for (const host of [`evil.example:${port}`, 'evil.example', '127.0.0.1.evil.example']) {
      expect((await asked(host))[0]).toBe(403)
    }
    for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
      const [status, { headers }] = await asked(`${host}:${port}`)
      expect(status).toBe(200)
      expect(headers).not.toHaveProperty('access-control-allow-origin')
    }
  })
})

describe('who connects and says nothing', () => {
  it(
    'is let go, so that others are answered again',
    { timeout: 6 * CONTROL_REQUEST_MS },
    async () => {
      const metrics = await serveMetrics(0, () => 'infernet_agent_connected 1\n')
      const control = controlServer(desk)
      const path = join(newFolder(), 'control.sock')
      closing.push(closed(metrics), closed(control))
      await listenAt(control, path)
      const { port } = metrics.address() as AddressInfo
      const places: { to: NetConnectOpts; asked: object }[] = [
        {
          to: { host: '127.0.0.1', port },
          asked: { host: '127.0.0.1', port, path: '/metrics' },
        },
        { to: { path }, asked: { socketPath: path, path: '/models' } },
      ]
      const silenced = places.map(async ({ to, asked }) => {
        const held = Array.from({ length: MAX_CONTROL_CONNECTIONS }, () =>
          connect(to).on('error', () => {}),
        )
        await Promise.all(held.map((socket) => once(socket, 'connect')))
        await expect(raw(asked)).rejects.toThrow()
        await Promise.all(held.map((socket) => once(socket.resume(), 'close')))
        expect((await raw(asked))[0]).toBe(200)
      })
      await Promise.all(silenced)
    },
  )
})

describe('whoever reaches the control socket', () => {
  it.each(['//', '//evil.example/drain', '/%', '/\u0001', 'http://[', '*'])(
    'does not end the agent with %j',
    async (path) => {
      const socket = join(newFolder(), 'control.sock')
      const server = controlServer(desk)
      closing.push(closed(server))
      await listenAt(server, socket)
      const sent = once(server, 'request').catch(() => {})
      await raw({ socketPath: socket, method: 'GET', path: encodeURI(path) }).catch(() => {})
      await sent
      expect((await raw({ socketPath: socket, path: '/models' }))[0]).toBe(200)
    },
  )
})

describe('another user of the machine', () => {
  it('can read nothing that the agent writes, whatever the umask', async () => {
    const edge = new FakeEdge()
    await edge.start()
    closing.push(() => edge.close())
    const [data, temp] = [newFolder(), newFolder()]
    const flags = ['--edge', edge.url, '--engine', 'tiny', '--data', join(data, 'new')]
    const command = ['-c', 'umask 0; exec "$@"', 'sh', process.execPath, MAIN, 'run', ...flags]
    const agent = spawn('/bin/sh', command, {
      env: { ...process.env, TMPDIR: temp },
      stdio: 'ignore',
    })
    closing.push(() => agent.kill('SIGKILL'))
    const session = await edge.session()
    const messages = [{ role: 'user', content: 'hello' }]
    session.give(1, { model: 'infernet-demo', messages })
    expect((await session.answer(1)).end).toBeDefined()
    const outbox = join(data, 'new', 'agent', 'outbox')
    const batches = () => readdirSync(outbox).filter((name) => name.endsWith('.batch'))
    await expect.poll(batches, { timeout: 20_000 }).toHaveLength(1)
    const written = readdirSync(data, { recursive: true, encoding: 'utf8' })
    expect(written.length).toBeGreaterThan(4)
    for (const name of [...written.map((one) => join(data, one)), ...tempFiles(temp)]) {
      expect([name, lstatSync(name).mode & OTHERS]).toEqual([name, 0])
    }
  })
})

const tempFiles = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))

describe('an engine that was taken over', () => {
  it.runIf(process.platform === 'linux')(
    'finds no secret of the agent in its environment',
    async () => {
      const secrets = ['INFERNET_ENGINE_KEY', 'CREDENTIALS_DIRECTORY', 'NOTIFY_SOCKET']
      for (const name of secrets) process.env[name] = 'secret-of-the-agent'
      const engine = new LlamaCppEngine({ files: [demoModel()], slots: 1, gpu: false }, Date.now)
      closing.push(
        () => secrets.forEach((name) => Reflect.deleteProperty(process.env, name)),
        () => engine.close(),
      )
      await engine.start({ modelsChanged: () => {}, trouble: () => {} })
      const tasks = readdirSync('/proc/self/task')
      const children = tasks.flatMap((task) =>
        readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
      )
      expect(children.length).toBeGreaterThan(0)
      const given = children.map((child) => readFileSync(`/proc/${child}/environ`, 'utf8'))
      expect(given.join('\0')).toContain('PATH=')
      expect(given.join('\0')).not.toContain('secret-of-the-agent')
    },
  )
})
