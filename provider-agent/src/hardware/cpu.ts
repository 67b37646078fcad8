import { CPU_FEATURES, type Cpu } from '@infernet/schemas/hardware'
import { MAX_HARDWARE_NAME_LENGTH } from '@infernet/schemas/limits'
import type { HostFacts } from './host-facts.ts'

const MIB = 1024 * 1024
const MAX_CGROUP_DEPTH = 16

/** The kernel's words for what a processor can do, and ours. */
const FLAGS: Readonly<Record<(typeof CPU_FEATURES)[number], string>> = {
  avx2: 'avx2',
  avx512: 'avx512f',
  amx: 'amx_tile',
  sve: 'sve',
}

/** The processor, and what of it counts for models: flags are known on Linux only. */
export function cpuOf(host: HostFacts): Cpu {
  const info = host.readText('/proc/cpuinfo') ?? ''
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(info)?.[1] ?? ''
  const flags = new Set(line.trim().split(/\s+/))
  return {
    ...(host.cpuName === '' ? {} : { name: host.cpuName.slice(0, MAX_HARDWARE_NAME_LENGTH) }),
    threads: host.threads,
    features: CPU_FEATURES.filter((feature) => flags.has(FLAGS[feature])),
  }
}

/** Main memory that this process may use, in MiB: the machine's, or what its control groups leave it. */
export function memoryMibOf(host: HostFacts): number | undefined {
  const limits = limitFiles(host).map((path) => Number(host.readText(path)?.trim() || Number.NaN))
  const bytes = Math.min(host.memoryBytes, ...limits.filter((limit) => limit > 0))
  const mib = Math.floor(bytes / MIB)
  return mib > 0 ? mib : undefined
}

/** Where limits may be, of its own group and of those around it. Without one a file says `max`, or a huge number. */
function limitFiles(host: HostFacts): string[] {
  const groups = host.readText('/proc/self/cgroup') ?? ''
  const v2 = /^0::(.*)$/m.exec(groups)?.[1]
  const v1 = /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(.*)$/m.exec(groups)?.[1]
  return [
    ...around(v2).map((group) => `/sys/fs/cgroup${group}/memory.max`),
    ...around(v1).map((group) => `/sys/fs/cgroup/memory${group}/memory.limit_in_bytes`),
  ]
}

/** `/a/b` and what it is in: `/a/b`, `/a` and the root. Containers see their own group as the root. */
function around(group: string | undefined): string[] {
  const names = (group ?? '').split('/').filter((name) => name !== '' && name !== '..')
  const depth = Math.min(names.length, MAX_CGROUP_DEPTH)
  return Array.from({ length: depth + 1 }, (_, i) =>
    names
      .slice(0, depth - i)
      .map((name) => `/${name}`)
      .join(''),
  )
}
