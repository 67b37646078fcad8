import {
  accessSync,
  constants,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { isDead, ownMark } from './agent-mark.ts'
import { cgroupHomes, type CgroupHome } from './cgroup-paths.ts'
import type { ResourceLimits } from './driver.ts'
import { CPU_PERIOD_US } from './sandbox-limits.ts'

const NAME = /^infernet-(\d+-\d+)-/

/** Makes cgroups, which hold limits for all processes of a sandbox together. */
export class Cgroups {
  readonly #home: CgroupHome
  /** Each folder, and when it was made, in ms. */
  readonly #made = new Map<string, number>()

  private constructor(home: CgroupHome) {
    this.#home = home
  }

  /** Undefined where we may make none. */
  static find(): Cgroups | undefined {
    const homes = cgroupHomes(text('/proc/self/mounts'), text('/proc/self/cgroup'))
    const home = homes.find(isUsable)
    return home && new Cgroups(home)
  }

  /** Makes one with these limits. A process enters it by its number in each of the files. */
  make({ memoryBytes, pids, cpus }: ResourceLimits): string[] {
    const home = this.#home
    const name = `infernet-${ownMark()}-${randomBytes(6).toString('hex')}`
    const folders = [...new Set([home.memory, home.pids, home.cpu])].map((it) => join(it, name))
    for (const folder of folders) {
      mkdirSync(folder)
      this.#made.set(folder, performance.now())
    }
    const quota = cpus === undefined ? undefined : Math.ceil(cpus * CPU_PERIOD_US)
    const put = (controller: 'memory' | 'pids' | 'cpu', file: string, value: string): void =>
      writeFileSync(join(home[controller], name, file), value)
    put('pids', 'pids.max', String(pids))
    if (home.version === 2) {
      put('memory', 'memory.max', String(memoryBytes))
      tryTo(() => put('memory', 'memory.swap.max', '0'))
      if (quota !== undefined) put('cpu', 'cpu.max', `${quota} ${CPU_PERIOD_US}`)
    } else {
      put('memory', 'memory.limit_in_bytes', String(memoryBytes))
      tryTo(() => put('memory', 'memory.memsw.limit_in_bytes', String(memoryBytes)))
      if (quota !== undefined) {
        put('cpu', 'cpu.cfs_period_us', String(CPU_PERIOD_US))
        put('cpu', 'cpu.cfs_quota_us', String(quota))
      }
    }
    return folders.map((folder) => join(folder, 'cgroup.procs'))
  }

  /** Removes those of agents that are dead, and of ours those of that age that nothing runs in. */
  sweep(ageMs = 0): void {
    for (const home of new Set([this.#home.memory, this.#home.pids, this.#home.cpu])) {
      for (const name of readdirSync(home)) {
        const mark = NAME.exec(name)?.[1]
        if (mark !== undefined && isDead(mark)) tryTo(() => rmdirSync(join(home, name)))
      }
    }
    for (const [folder, at] of this.#made) {
      if (performance.now() - at < ageMs) continue
      if (tryTo(() => rmdirSync(folder))) this.#made.delete(folder)
    }
  }
}

function isUsable({ version, memory, pids, cpu }: CgroupHome): boolean {
  if (version === 2) {
    const enabled = join(memory, 'cgroup.subtree_control')
    tryTo(() => writeFileSync(enabled, '+memory +pids +cpu'))
    const names = new Set(text(enabled).trim().split(/\s+/))
    if (!names.has('memory') || !names.has('pids') || !names.has('cpu')) return false
  }
  return [memory, pids, cpu].every((folder) => tryTo(() => accessSync(folder, constants.W_OK)))
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Whether it could be done. */
function tryTo(work: () => void): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}
