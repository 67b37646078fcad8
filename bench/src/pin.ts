import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Keeps processes on one core, all their threads, until it is disposed of. Needs Linux's `taskset`. */
export function pinned(pids: Readonly<Record<string, number>>): Disposable {
  const all = `0-${availableParallelism() - 1}`
  const pin = (cores: string): void => {
    for (const pid of Object.values(pids)) {
      spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)])
    }
  }
  pin('0')
  return { [Symbol.dispose]: () => pin(all) }
}
