import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isDead, ownMark } from './agent-mark.ts'
import { cgroupHomes } from './cgroup-paths.ts'
import { Cgroups } from './cgroup.ts'

const V1 = ['memory', 'pids', 'cpu,cpuacct']
  .map((names) => `cgroup /sys/fs/cgroup/${names} cgroup rw,relatime,${names} 0 0\n`)
  .join('')
const V2 = 'cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n'

describe('cgroupHomes', () => {
  it('finds the folder of each controller of version 1', () => {
    expect(cgroupHomes(V1, '8:pids:/a\n4:memory:/b/c\n1:cpuacct,cpu:/\n0::/\n')).toEqual([
      {
        version: 1,
        memory: '/sys/fs/cgroup/memory/b/c',
        pids: '/sys/fs/cgroup/pids/a',
        cpu: '/sys/fs/cgroup/cpu,cpuacct/',
      },
    ])
  })

  it('goes beside us in version 2, or in the root, and never out of it', () => {
    const folders = (own: string) => cgroupHomes(V2, own).map(({ memory }) => memory)
    expect(folders('0::/system.slice/infernet-agent.service/agent\n')).toEqual([
      '/sys/fs/cgroup/system.slice/infernet-agent.service',
      '/sys/fs/cgroup',
    ])
    expect(folders('0::/\n')).toEqual(['/sys/fs/cgroup'])
    expect(cgroupHomes('', '')).toEqual([])
  })
})

describe('an agent’s mark', () => {
  it('is dead when its process is, or when another has its number', () => {
    expect(isDead(ownMark())).toBe(false)
    expect(isDead(`${process.pid}-1`)).toBe(true)
    expect(isDead('4194399-1')).toBe(true)
    expect(isDead('of somebody else')).toBe(false)
  })
})

const cgroups = Cgroups.find()

describe.skipIf(cgroups === undefined)('cgroups (needs root, or a cgroup of its own)', () => {
  it('are made with their limits, and removed with those of dead agents', () => {
    const files = cgroups?.make({ memoryBytes: 64 * 1024 ** 2, pids: 5, cpus: 0.5 }) ?? []
    const folders = files.map((file) => dirname(file))
    const limits = folders.flatMap((folder) =>
      ['pids.max', 'memory.max', 'memory.limit_in_bytes', 'cpu.max', 'cpu.cfs_quota_us']
        .map((name) => join(folder, name))
        .flatMap((path) => (existsSync(path) ? [readFileSync(path, 'utf8').trim()] : [])),
    )
    expect(limits).toEqual(expect.arrayContaining(['5', '67108864']))
    const left = join(dirname(folders[0] ?? ''), `infernet-${process.pid}-1-left`)
    mkdirSync(left)
    cgroups?.sweep(60_000)
    expect([existsSync(left), ...folders.map(existsSync)]).toEqual([
      false,
      ...folders.map(() => true),
    ])
    cgroups?.sweep()
    expect(folders.map(existsSync)).toEqual(folders.map(() => false))
  })
})
