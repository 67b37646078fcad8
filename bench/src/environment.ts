import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg } from 'node:os'

/** Where and when a run took place: absolute figures mean nothing without it. */
export interface Environment {
  /** ISO 8601, UTC. */
  readonly date: string
  /** Short commit, with `+` when the tree had changes. */
  readonly commit: string
  readonly node: string
  readonly cpu: string
  readonly cores: number
  /** One-minute load average before the run. */
  readonly loadAverage: number
  readonly rounds: number
}

/** Describes the machine and the tree at this moment. */
export function describeEnvironment(rounds: number, now: Date): Environment {
  return {
    date: now.toISOString(),
    commit: describeCommit(),
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown CPU',
    cores: availableParallelism(),
    loadAverage: loadavg()[0] ?? 0,
    rounds,
  }
}

const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'ignore'] })
    .toString()
    .trim()

function describeCommit(): string {
  try {
    const dirty = git('status', '--porcelain', '--untracked-files=no') !== ''
    return git('rev-parse', '--short', 'HEAD') + (dirty ? '+' : '')
  } catch {
    return 'unknown' // an unpacked archive has no git
  }
}
