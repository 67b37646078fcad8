import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dataDir } from '../data-dir.ts'
import { EXIT } from '../exit-codes.ts'
import type { RunCommand } from '../service/command.ts'
import { serviceFiles } from '../service/service-files.ts'
import { FakeEdge } from '../testing/fake-edge.ts'
import { ownServices } from '../upgrade/own-services.ts'
import { AGENT_VERSION } from '../version.ts'
import { bringOver } from './upgrade-restart.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const LAUNCHER = '/opt/my agent/node_modules/infernet-agent/lib/infernet-agent.js'
const UNIT = String.raw`[Service]
ExecStart=/usr/bin/node /opt/my\x20agent/node_modules/infernet-agent/lib/infernet-agent.js run --edge=https://e
`

/** A home with a user's service, and a systemd that answers as told. */
function machine({ active = 'active', unit = UNIT, restarts = [0] } = {}) {
  const home = mkdtempSync(join(tmpdir(), 'infernet-'))
  const path = serviceFiles('user', {}, home).unit
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, unit)
  const asked: string[] = []
  const run: RunCommand = async (file, args) => {
    asked.push([file, ...args].slice(0, 3).join(' '))
    const stdout = file === 'journalctl' ? 'its last words' : shown(active)
    const code = args.includes('restart') ? (restarts.shift() ?? 0) : 0
    return { code, stdout, stderr: code === 0 ? '' : 'Job failed', timedOut: false }
  }
  const services = () => ownServices(LAUNCHER, run, {}, home)
  const flags = { data: home, json: true }
  const { signal: stopping } = new AbortController()
  const over = { flags, launcher: LAUNCHER, version: '1.1.0', stopping }
  return { services, asked, over }
}

const shown = (active: string): string =>
  `LoadState=loaded\nActiveState=${active}\nSubState=x\nUnitFileState=enabled\n`

describe('the services of an installation', () => {
  it.each([
    [{}, ['user']],
    [{ active: 'failed' }, ['user']],
    [{ active: 'inactive' }, []],
    [{ unit: UNIT.replace('my', 'your') }, []],
  ])('are those that run from it: %j', async (is, scopes) => {
    expect((await machine(is).services()).map(({ scope }) => scope)).toEqual(scopes)
  })

  it('start again with the new version', async () => {
    const { services, asked, over } = machine()
    const result = await bringOver({ ...over, services: await services() }, async () => {})
    expect(result).toEqual({ services: ['user'], drained: false })
    expect(asked.slice(1)).toEqual(['systemctl --user restart'])
  })

  it.each([
    [[1, 0], 'and runs'],
    [[1, 1], 'does not come up either'],
  ])('get the old version back where they do not come up: %j', async (restarts, says) => {
    const { services, asked, over } = machine({ restarts })
    const steps: string[] = []
    const undo = async (): Promise<void> => void steps.push(`undone after ${asked.length}`)
    const bringing = bringOver({ ...over, services: await services() }, undo)
    await expect(bringing).rejects.toThrow(says)
    await expect(bringing).rejects.toThrow(
      /1\.1\.0: systemctl restart: Job failed\n {2}its last words\n/,
    )
    expect(steps).toEqual(['undone after 3'])
    expect(asked.slice(1)).toEqual([
      'systemctl --user restart',
      expect.stringContaining('journalctl --user-unit') as string,
      'systemctl --user restart',
    ])
  })
})

describe('an agent that was started by hand', () => {
  it('ends, also where it says less of itself, or more, than this version', async () => {
    const { over } = machine()
    const asked: string[] = []
    const agent = createServer(({ method, url }, response) => {
      asked.push(`${method} ${url?.split('?')[0]}`)
      response.end(JSON.stringify({ version: '0.9.0', pid: 0, service: null, mood: 'good' }))
    })
    const { control } = dataDir(over.flags.data, {})
    mkdirSync(dirname(control), { recursive: true })
    agent.listen(control)
    try {
      await once(agent, 'listening')
      expect(await bringOver({ ...over, services: [] })).toEqual({ services: [], drained: true })
      expect(asked).toEqual(['GET /status', 'POST /drain', 'GET /events'])
    } finally {
      agent.close()
    }
  })

  it('ends, unless it has that version already, or is of another installation', async () => {
    const { over } = machine()
    const edge = new FakeEdge()
    await edge.start()
    const args = ['run', '--edge', edge.url, '--engine', 'tiny', '--data', over.flags.data]
    const agent = spawn(process.execPath, [MAIN, ...args], { stdio: 'ignore' })
    const ended = once(agent, 'close')
    try {
      await edge.session()
      const bring = (more: object) =>
        bringOver({ ...over, services: [], launcher: MAIN, version: '9.9.9', ...more })
      const left = { services: [], drained: false }
      expect(await bring({ version: AGENT_VERSION })).toEqual(left)
      expect(await bring({ launcher: import.meta.filename })).toEqual(left)
      expect(await bring({})).toEqual({ services: [], drained: true })
      await ended
      expect(agent.exitCode).toBe(EXIT.ok)
    } finally {
      agent.kill('SIGKILL')
      await edge.close()
    }
  })
})
