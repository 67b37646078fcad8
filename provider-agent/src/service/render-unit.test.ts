import { spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { renderUnit } from './render-unit.ts'
import type { UnitSettings } from './unit-settings.ts'

const BESIDE_SERVER: UnitSettings = {
  scope: 'system',
  systemd: 249,
  node: process.execPath,
  script: '/opt/in fernet/main.ts',
  arguments: [
    { text: '--edge=https://edge.example.org' },
    { text: '--engine-url=http://127.0.0.1:8000' },
    { flag: '--lnd-macaroon', credential: 'lnd-macaroon' },
  ],
  environment: { INFERNET_DATA: '/var/lib/infernet-agent', GREETING: '100 % $HOME' },
  credentials: [{ name: 'agent-key', path: '/etc/infernet-agent/agent/key.pem' }],
  shownPaths: ['/home/me/models/a b.gguf'],
  gpu: false,
  groups: [],
  ownEngine: false,
  sandboxed: false,
  graceSeconds: 30,
  memoryMax: '2G',
}
const WITH_GPU = { ...BESIDE_SERVER, gpu: true, groups: ['video'], ownEngine: true }
const SANDBOXED = { ...WITH_GPU, sandboxed: true }
const OF_USER = { ...BESIDE_SERVER, scope: 'user' as const, shownPaths: [] }

/** The values of a key, in their order. */
const valuesOf = (unit: string, key: string): string[] =>
  [...unit.matchAll(/^(\w+)=(.*)$/gm)].filter(([, found]) => found === key).map(([, , v = '']) => v)

describe('renderUnit', () => {
  it('lets bwrap make namespaces and a /proc, where an engine is confined', () => {
    const unit = renderUnit(SANDBOXED)
    expect(valuesOf(unit, 'RestrictNamespaces')).toEqual(['cgroup ipc mnt net pid user uts'])
    expect(valuesOf(unit, 'SystemCallFilter').at(-1)).toContain('@mount')
    expect(valuesOf(unit, 'ProtectKernelTunables')).toEqual([])
    expect(valuesOf(renderUnit(WITH_GPU), 'RestrictNamespaces')).toEqual(['yes'])
    expect(valuesOf(renderUnit(WITH_GPU), 'ProtectKernelTunables')).toEqual(['yes'])
  })

  it('writes an exec line with absolute paths, in which only credentials are variables', () => {
    const [line = ''] = valuesOf(renderUnit(BESIDE_SERVER), 'ExecStart')
    expect(line).toBe(
      `${process.execPath} /opt/in\\x20fernet/main.ts run --edge=https://edge.example.org ` +
        '--engine-url=http://127.0.0.1:8000 --lnd-macaroon=${CREDENTIALS_DIRECTORY}/lnd-macaroon',
    )
  })

  it('lets running jobs finish: stops only the agent, and waits longer than its grace', () => {
    const unit = renderUnit({ ...BESIDE_SERVER, graceSeconds: 600 })
    expect(valuesOf(unit, 'KillMode')).toEqual(['mixed'])
    expect(Number(valuesOf(unit, 'TimeoutStopSec')[0])).toBeGreaterThan(600)
  })

  it('backs off with steps where systemd knows them, and with one pause where it does not', () => {
    expect(valuesOf(renderUnit(BESIDE_SERVER), 'RestartSteps')).toEqual([])
    const unit = renderUnit({ ...BESIDE_SERVER, systemd: 254 })
    expect(valuesOf(unit, 'RestartSteps')).toEqual(['6'])
    expect(valuesOf(unit, 'RestartMaxDelaySec')).toEqual(['60'])
  })

  it('never restarts faster than its own limit of starts', () => {
    for (const systemd of [249, 254]) {
      const unit = renderUnit({ ...BESIDE_SERVER, systemd })
      const first = Number(valuesOf(unit, 'RestartSec')[0])
      const last = Number(valuesOf(unit, 'RestartMaxDelaySec')[0] ?? first)
      const steps = Number(valuesOf(unit, 'RestartSteps')[0] ?? 0)
      const interval = Number(valuesOf(unit, 'StartLimitIntervalSec')[0])
      const starts = steps + 1 + interval / last
      expect(starts).toBeLessThan(Number(valuesOf(unit, 'StartLimitBurst')[0]))
    }
  })

  it('opens devices only for a GPU', () => {
    const closed = renderUnit(BESIDE_SERVER)
    expect(valuesOf(closed, 'PrivateDevices')).toEqual(['yes'])
    expect(valuesOf(closed, 'DeviceAllow')).toEqual([])
    const open = renderUnit(WITH_GPU)
    expect(valuesOf(open, 'PrivateDevices')).toEqual([])
    expect(valuesOf(open, 'DevicePolicy')).toEqual(['closed'])
    expect(valuesOf(open, 'DeviceAllow')).toContain('char-nvidia* rw')
    expect(valuesOf(open, 'SupplementaryGroups')).toEqual(['video'])
  })

  it('asks of a user’s manager nothing that only root’s can do', () => {
    const unit = renderUnit(OF_USER)
    for (const key of [
      'DynamicUser',
      'ProtectSystem',
      'PrivateTmp',
      'CapabilityBoundingSet',
      'After',
    ])
      expect(valuesOf(unit, key)).toEqual([])
    expect(valuesOf(unit, 'NoNewPrivileges')).toEqual(['yes'])
    expect(valuesOf(unit, 'WantedBy')).toEqual(['default.target'])
  })
})

/** What docs/provider/service.md and docs/provider/sandbox.md say of the machine’s service, and of a user’s. */
const MOST_EXPOSED = { system: 2, user: 7 }
const MOST_EXPOSED_WITH_SANDBOX = { system: 3.5, user: 8 }

const analyze = (args: readonly string[]) =>
  spawnSync('systemd-analyze', args, {
    encoding: 'utf8',
    env: { ...process.env, XDG_RUNTIME_DIR: mkdtempSync(join(tmpdir(), 'infernet-')) },
  })
const isThere = analyze(['--version']).status === 0

describe.skipIf(!isThere)('a unit, by systemd-analyze (needs it: apt-get install systemd)', () => {
  const written = (settings: UnitSettings): string => {
    const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'infernet-agent.service')
    writeFileSync(path, renderUnit(settings))
    return path
  }

  it.each([
    ['beside a server', BESIDE_SERVER, []],
    ['with a GPU', WITH_GPU, []],
    ['with a sandbox', SANDBOXED, []],
    ['of a user, with a sandbox', { ...OF_USER, sandboxed: true }, ['--user']],
    ['of a user', OF_USER, ['--user']],
  ])('is without fault: %s', (_, settings, flags) => {
    const { status, stderr } = analyze([...flags, 'verify', written(settings)])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  it('would not be, with a mistake in it', () => {
    const path = written({ ...BESIDE_SERVER, memoryMax: 'nonsense' })
    expect(analyze(['verify', path]).stderr).toContain('nonsense')
  })

  it.each([
    ['beside a server', BESIDE_SERVER],
    ['with a GPU', WITH_GPU],
    ['with a sandbox', { ...SANDBOXED, gpu: false, groups: [] }],
    ['with a sandbox and a GPU', SANDBOXED],
    ['of a user', OF_USER],
    ['of a user, with an engine', { ...OF_USER, ownEngine: true }],
    ['of a user, with a sandbox', { ...OF_USER, ownEngine: true, sandboxed: true }],
  ])('is exposed no more than we say: %s', (_, settings) => {
    const { scope, sandboxed } = settings
    const manager = scope === 'user' ? ['--user'] : []
    const offline = ['security', '--offline=yes', '--no-pager']
    const { stdout } = analyze([...manager, ...offline, written(settings)])
    const [, score] = /Overall exposure level for .*?: ([\d.]+)/.exec(stdout) ?? []
    const most = sandboxed ? MOST_EXPOSED_WITH_SANDBOX : MOST_EXPOSED
    expect(Number(score)).toBeLessThanOrEqual(most[scope])
  })
})
