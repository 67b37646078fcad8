import { existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { loadIdentity } from '../identity.ts'
import type { CommandResult, RunCommand } from './command.ts'
import { install, uninstall } from './install.ts'
import type { ServicePlan } from './plan-service.ts'
import { ServiceError } from './service-error.ts'
import type { ServiceFiles } from './service-files.ts'
import { Systemd } from './systemd.ts'

const DONE: CommandResult = { code: 0, stdout: '', stderr: '', timedOut: false }

/** The mode of a file and what `ls` says first. */
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)
const openToAll = () => ({ isFolder: false, mode: 0o777 })

describe('a service of the system', () => {
  let root: string
  let files: ServiceFiles
  let asked: string[]
  let answer: (line: string) => CommandResult
  const run: RunCommand = (file, args) => {
    const line = [file, ...args].join(' ')
    asked.push(line)
    return Promise.resolve(answer(line))
  }
  const systemd = new Systemd('system', run)
  const planOf = (engineKey?: string): ServicePlan => ({
    settings: {
      scope: 'system',
      systemd: 252,
      node: '/usr/bin/node',
      script: '/opt/main.ts',
      arguments: [{ text: '--edge=https://e' }],
      environment: {},
      credentials: [],
      shownPaths: [],
      gpu: false,
      groups: [],
      ownEngine: false,
      sandboxed: false,
      graceSeconds: 30,
      memoryMax: '2G',
    },
    reads: ['/opt/main.ts'],
    ...(engineKey === undefined ? {} : { engineKey }),
  })
  const installed = (key?: string, engineKey?: string) =>
    install(planOf(engineKey), files, systemd, {
      dataRoot: '/nowhere',
      readMode: openToAll,
      ...(key === undefined ? {} : { key }),
    })

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'infernet-'))
    const secrets = join(root, 'etc', 'infernet-agent')
    files = {
      unit: join(root, 'units', 'infernet-agent.service'),
      secrets,
      engineKey: join(secrets, 'engine-key'),
    }
    asked = []
    answer = () => DONE
  })

  it('has its unit readable by all and its secrets by its owner alone, and runs', async () => {
    const { peer, isUp } = await installed(undefined, 's3cret')
    expect(isUp).toBe(true)
    expect(loadIdentity(join(files.secrets, 'agent', 'key.pem'))).toMatchObject({
      identity: { peer },
      created: false,
      exposed: false,
    })
    expect(readFileSync(files.engineKey, 'utf8')).toBe('s3cret')
    expect([files.unit, files.secrets, files.engineKey].map(modeOf)).toEqual(['644', '700', '600'])
    expect(asked).toEqual([
      'systemctl daemon-reload',
      'systemctl enable infernet-agent.service',
      'systemctl restart infernet-agent.service',
    ])
  })

  it('keeps its name when it is installed again, and never loses one to another key', async () => {
    const own = join(root, 'own.pem')
    const { peer } = loadIdentity(own).identity
    expect((await installed(own)).peer).toBe(peer)
    expect((await installed()).peer).toBe(peer)
    const other = join(root, 'other.pem')
    loadIdentity(other)
    await expect(installed(other)).rejects.toMatchObject({ code: 'taken' })
    await expect(installed(join(root, 'none.pem'))).rejects.toMatchObject({ code: 'bad_options' })
    expect((await installed()).peer).toBe(peer)
  })

  it('leaves a unit alone that somebody else has written', async () => {
    mkdirSync(join(root, 'units'))
    writeFileSync(files.unit, '[Service]\n')
    await expect(installed()).rejects.toMatchObject({ code: 'taken' })
    const own = { purge: true, own: [] }
    await expect(uninstall(files, systemd, own)).rejects.toMatchObject({ code: 'taken' })
    expect(readFileSync(files.unit, 'utf8')).toBe('[Service]\n')
    expect({ asked, secrets: existsSync(files.secrets) }).toEqual({ asked: [], secrets: false })
  })

  it('writes nothing when its user could not read what it needs', async () => {
    const readMode = () => ({ isFolder: false, mode: 0o600 })
    const work = install(planOf('k'), files, systemd, { dataRoot: '/nowhere', readMode })
    await expect(work).rejects.toMatchObject({ next: 'chmod o+r /opt/main.ts' })
    const gone = { dataRoot: '/nowhere', readMode: () => undefined }
    await expect(install(planOf('k'), files, systemd, gone)).rejects.toThrow(
      'there is no /opt/main.ts: check the path',
    )
    expect([files.unit, files.secrets].map((path) => existsSync(path))).toEqual([false, false])
  })

  it('tells a start that takes long from one that fails', async () => {
    answer = (line) =>
      line.includes('restart') ? { ...DONE, code: undefined as never, timedOut: true } : DONE
    expect((await installed()).isUp).toBe(false)
    answer = (line) =>
      line.includes('restart') ? { ...DONE, code: 1, stderr: 'Job failed' } : DONE
    await expect(installed()).rejects.toThrow(
      new ServiceError('refused', 'systemctl restart: Job failed'),
    )
  })

  it('goes without its key, and with it only when that is said', async () => {
    await installed()
    asked = []
    const own = [files.secrets, join(root, 'state')]
    const first = await uninstall(files, systemd, { purge: false, own })
    expect(first).toEqual({ removed: [files.unit], kept: [files.secrets] })
    expect(asked).toEqual([
      'systemctl disable --now infernet-agent.service',
      'systemctl daemon-reload',
    ])
    expect(existsSync(join(files.secrets, 'agent', 'key.pem'))).toBe(true)
    const second = await uninstall(files, systemd, { purge: true, own })
    expect(second).toEqual({ removed: [files.secrets], kept: [] })
    expect(existsSync(files.secrets)).toBe(false)
  })

  it('keeps its files when systemd does not stop it', async () => {
    await installed()
    answer = () => ({ ...DONE, code: 1, stderr: 'Access denied' })
    const work = uninstall(files, systemd, { purge: true, own: [files.secrets] })
    await expect(work).rejects.toThrow('Access denied')
    expect(existsSync(files.unit)).toBe(true)
    expect(existsSync(files.secrets)).toBe(true)
  })

  it.each([
    ['247', 'old_systemd'],
    ['', 'no_systemd'],
    ['247.3-7+deb11u5', 'old_systemd'],
  ])('is refused by systemd %j', async (stdout, code) => {
    answer = () => ({ ...DONE, stdout })
    await expect(systemd.version()).rejects.toMatchObject({ code })
    answer = () => ({ ...DONE, stdout: '252.38-1~deb12u1\n' })
    expect(await systemd.version()).toBe(252)
  })
})
