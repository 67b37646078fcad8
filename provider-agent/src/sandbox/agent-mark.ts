import { readFileSync } from 'node:fs'

const MARK = /^(\d+)-(\d+)$/

/** When a process was started, in ticks since the machine was; undefined where there is none. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // A name in brackets comes first, and may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

/** Names this process, and none that gets its number later. Goes into the names of what it makes. */
export const ownMark = (): string => `${process.pid}-${startOf(process.pid) ?? 0}`

/** Whether the process that a mark names still runs. What is no mark belongs to somebody else. */
export function isDead(mark: string): boolean {
  const [, pid, start] = MARK.exec(mark) ?? []
  return pid !== undefined && startOf(Number(pid)) !== start
}
