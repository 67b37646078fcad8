import { join } from 'node:path'

/** Where our cgroups go: a folder for each of the three controllers, all the same in version 2. */
export interface CgroupHome {
  readonly version: 1 | 2
  readonly memory: string
  readonly pids: string
  readonly cpu: string
}

const CONTROLLERS = ['memory', 'pids', 'cpu'] as const

/**
 * Folders that cgroups may be made in, from `/proc/self/mounts` and `/proc/self/cgroup`; which of
 * them we may write in, trying shows. The nearest comes first.
 */
export function cgroupHomes(mounts: string, own: string): CgroupHome[] {
  const mounted = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .map(([, path = '', type = '', options = '']) => ({ path, type, options: options.split(',') }))
  const paths = new Map(
    own.split('\n').flatMap((line) => {
      const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
      return names === undefined || path === undefined ? [] : [[names, path] as const]
    }),
  )
  const first = CONTROLLERS.map((name) => {
    const mount = mounted.find((it) => it.type === 'cgroup' && it.options.includes(name))
    const entry = [...paths].find(([names]) => names.split(',').includes(name))
    return mount && entry && join(mount.path, entry[1])
  })
  const [memory, pids, cpu] = first
  const old: CgroupHome[] =
    memory !== undefined && pids !== undefined && cpu !== undefined
      ? [{ version: 1, memory, pids, cpu }]
      : []
  const unified = mounted.find(({ type }) => type === 'cgroup2')
  if (unified === undefined) return old
  const path = paths.get('') ?? '/'
  // Beside us, where a service has been given its own; in the root, where we are root.
  const folders = [...new Set([join(unified.path, path, '..'), unified.path])].filter((it) =>
    `${it}/`.startsWith(`${unified.path}/`),
  )
  return [
    ...old,
    ...folders.map((it): CgroupHome => ({ version: 2, memory: it, pids: it, cpu: it })),
  ]
}
