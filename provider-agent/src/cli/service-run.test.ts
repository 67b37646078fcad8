import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EXIT } from '../exit-codes.ts'
import { loadIdentity } from '../identity.ts'
import { FakeEdge } from '../testing/fake-edge.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
/** Until an agent that says nothing counts as one that never will: a busy machine is slow. */
const PATIENCE = { timeout: 30_000 }

/** The agent as systemd starts it, with a `systemd-notify` that writes down what it was to say. */
describe('infernet-agent run, under systemd', () => {
  let folder: string
  let said: () => string[]
  let env: NodeJS.ProcessEnv
  const children: ChildProcess[] = []
  let edge: FakeEdge

  beforeEach(async () => {
    edge = new FakeEdge()
    await edge.start()
    folder = mkdtempSync(join(tmpdir(), 'infernet-'))
    const program = join(folder, 'systemd-notify')
    writeFileSync(program, '#!/bin/sh\nfor word; do echo "$word" >> "$0.said"; done\n')
    chmodSync(program, 0o755)
    said = () =>
      existsSync(`${program}.said`) ? readFileSync(`${program}.said`, 'utf8').split('\n') : []
    env = {
      ...process.env,
      PATH: `${folder}:${process.env['PATH']}`,
      NOTIFY_SOCKET: '/nowhere',
      WATCHDOG_USEC: '400000',
      INFERNET_DATA: join(folder, 'data'),
    }
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    await edge.close()
  })

  function run(url: string, more: NodeJS.ProcessEnv = {}) {
    const args = [MAIN, 'run', '--edge', url, '--engine', 'tiny', '--json']
    const child = spawn(process.execPath, args, { env: { ...env, ...more } })
    children.push(child)
    const output = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.err += text))
    const exited = once(child, 'close').then(() => ({ code: child.exitCode, ...output }))
    return { child, exited }
  }

  it('says that it is ready, connected and alive, and that it stops', async () => {
    const { child, exited } = run(edge.url)
    await expect.poll(() => said().join('\n'), PATIENCE).toContain('STATUS=connected to ws://')
    expect(said()).toContain('READY=1')
    const beats = () => said().filter((word) => word === 'WATCHDOG=1').length
    await expect.poll(beats, PATIENCE).toBeGreaterThan(2)
    child.kill('SIGTERM')
    expect(await exited).toMatchObject({ code: EXIT.ok, err: '' })
    await expect.poll(said, PATIENCE).toContain('STOPPING=1')
  })

  it('reads no options that a later setup has chosen: the unit says all', async () => {
    const settings = join(folder, 'data', 'agent.json')
    mkdirSync(join(folder, 'data'))
    writeFileSync(settings, 'nonsense')
    const { child, exited } = run(edge.url, { INFERNET_SETTINGS: 'none' })
    await edge.session()
    child.kill('SIGTERM')
    expect((await exited).code).toBe(EXIT.ok)
    expect((await run(edge.url).exited).code).toBe(EXIT.usage)
  })

  it('is ready and alive though its edge is away', async () => {
    run('http://127.0.0.1:1')
    await expect.poll(said, PATIENCE).toContain('READY=1')
    await expect.poll(said, PATIENCE).toContain('WATCHDOG=1')
    await expect
      .poll(() => said().join('\n'))
      .toContain('STATUS=not connected: connect ECONNREFUSED')
  })

  it('has the name of the key that systemd hands over, and makes none of its own', async () => {
    const credentials = join(folder, 'credentials')
    mkdirSync(credentials)
    const { peer } = loadIdentity(join(credentials, 'agent-key')).identity
    // So an access list shows in the mode.
    chmodSync(join(credentials, 'agent-key'), 0o440)
    const { child, exited } = run(edge.url, { CREDENTIALS_DIRECTORY: credentials })
    expect((await edge.session()).hello?.peer).toBe(peer)
    child.kill('SIGTERM')
    const { code, out } = await exited
    expect(code).toBe(EXIT.ok)
    expect(out).not.toContain('key_exposed')
    expect(existsSync(join(folder, 'data', 'agent', 'key.pem'))).toBe(false)
  })

  it('makes no key where systemd was to hand one over and did not', async () => {
    const credentials = join(folder, 'credentials')
    mkdirSync(credentials)
    const { exited } = run(edge.url, {
      CREDENTIALS_DIRECTORY: credentials,
      INFERNET_CREDENTIALS: 'agent-key',
    })
    const { code, err } = await exited
    expect(code).toBe(EXIT.data)
    expect(err).toContain(`systemd was to hand over ${credentials}/agent-key`)
    expect(existsSync(join(folder, 'data', 'agent', 'key.pem'))).toBe(false)
  })
})
