import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

const program = fileURLToPath(new URL('../start.ts', import.meta.url))

interface ReadyLine {
  readonly base_url: string
  readonly api_key: string
  readonly console_url: string
  readonly pids: Readonly<Record<'edge' | 'database', number>> & { readonly agent: null }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The real thing but for the provider, which is a test of its own. */
describe('npm start --json --no-agent', () => {
  let folder: string
  const running = new Set<ChildProcess>()
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'infernet-start-'))
  })
  afterEach(() => {
    for (const child of running) child.kill('SIGKILL')
    running.clear()
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const start = (...args: string[]) => {
    const child = spawn(process.execPath, [
      program,
      '--json',
      '--no-agent',
      '--data',
      folder,
      ...args,
    ])
    running.add(child)
    const said = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => (said.stdout += chunk))
    child.stderr.on('data', (chunk) => (said.stderr += chunk))
    return { child, said, exit: once(child, 'close') }
  }
  const readyLine = async ({ child, said }: ReturnType<typeof start>) => {
    while (!said.stdout.includes('\n')) await once(child.stdout, 'data')
    return JSON.parse(said.stdout) as ReadyLine
  }

  it('serves, stops cleanly, keeps its account, and leaves nothing behind when killed', async () => {
    const first = start('--port', '0')
    const ready = await readyLine(first)
    expect(ready).toMatchObject({ ready: true, model: null, pids: { agent: null } })
    const headers = { authorization: `Bearer ${ready.api_key}` }
    expect((await fetch(`${ready.base_url}/models`, { headers })).status).toBe(200)
    // The bundled edge has the page too.
    const page = await (await fetch(ready.console_url)).text()
    expect(page).toContain('<title>Infernet console</title>')

    const beside = start('--port', '0')
    expect(await beside.exit).toEqual([1, null])
    expect(beside.said.stderr).toContain('Another npm start works in')

    first.child.kill('SIGTERM')
    expect(await first.exit).toEqual([0, null])
    expect(first.said.stdout).toMatch(/^{.*}\n$/)

    const second = start('--port', '0')
    const again = await readyLine(second)
    expect(again.api_key).toBe(ready.api_key)
    second.child.kill('SIGKILL')
    await expect
      .poll(() => Object.values(again.pids).filter((pid) => pid !== null && isAlive(pid)), {
        timeout: 15_000,
      })
      .toEqual([])
  }, 60_000)

  it('ends with the last lines of a part that died', async () => {
    const started = start('--port', '0', '--fresh')
    const { pids } = await readyLine(started)
    process.kill(pids.database, 'SIGKILL')
    expect(await started.exit).toEqual([1, null])
    expect(started.said.stderr).toMatch(
      /The database ended: SIGKILL\. Its last lines \(all in .*database\.log\)/,
    )
    expect(isAlive(pids.edge)).toBe(false)
    expect(await readdir(join(folder, 'logs'))).toEqual([
      'database.log',
      'edge.log',
      'lightning.log',
      'settler.log',
    ])
  }, 60_000)

  it('says what to do when the port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { exit, said } = start('--port', String(port))
    expect(await exit).toEqual([1, null])
    expect(said.stderr).toBe(
      `Port ${port} is in use. Stop what uses it, or choose another: npm start -- --port ${port + 1}\n`,
    )
    server.close()
  })
})
