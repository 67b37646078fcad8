import { readFileSync, readdirSync, writeFileSync } from 'node:fs'

/** Processor time and memory of one process together with its descendants. */
export interface ProcessUsage {
  /** Microseconds of user and system time of its threads that live, since they began or since it was read before. */
  readonly cpuUs: number
  readonly rssBytes: number
  /** Highest RSS since `resetPeakRss`, or since the process began where the kernel forbids that. */
  readonly peakRssBytes: number
}

/** Clock ticks a second in /proc/<pid>/stat; fixed at 100 on every Linux that Node supports. */
const TICKS_PER_SECOND = 100

/** Time on a processor from a thread's `schedstat`, in microseconds. */
export function parseSchedstatUs(text: string): number {
  return Number(text.split(' ')[0]) / 1_000
}

/** User plus system time from a thread's `stat`, in microseconds (10 ms steps). */
export function parseStatUs(text: string): number {
  // The command name may hold spaces and brackets; fields are counted after its last bracket.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / TICKS_PER_SECOND
}

/** A field of /proc/<pid>/status given in kB, in bytes; 0 when it is missing. */
export function parseStatusBytes(text: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)
  return match === null ? 0 : Number(match[1]) * 1_024
}

/** Reads /proc; undefined for what is gone (a thread or process may end at any time) or not offered. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    return undefined
  }
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

function threadCpuUs(pid: number, thread: string): number {
  const schedstat = readProc(`${pid}/task/${thread}/schedstat`)
  if (schedstat !== undefined) return parseSchedstatUs(schedstat)
  const stat = readProc(`${pid}/task/${thread}/stat`)
  return stat === undefined ? 0 : parseStatUs(stat)
}

function childrenOf(pid: number): number[] {
  return threadsOf(pid).flatMap((thread) =>
    (readProc(`${pid}/task/${thread}/children`) ?? '').split(' ').filter(Boolean).map(Number),
  )
}

/** The process and all its descendants, leaving out those in `others` and below them. */
function family(pid: number, others: ReadonlySet<number>): number[] {
  const children = childrenOf(pid).filter((child) => !others.has(child))
  return [pid, ...children.flatMap((child) => family(child, others))]
}

/** Of each thread by its id, microseconds of user and system time so far. */
export type CpuTimes = ReadonlyMap<string, number>

/** The processor times of these processes, for {@link readUsage} to count from. */
export function cpuTimes(pids: Readonly<Record<string, number>>): CpuTimes {
  const all = Object.values(pids).flatMap((pid) => family(pid, new Set()))
  return new Map(all.flatMap(timesOf))
}

/**
 * Reads the usage of each named process, its processor time as what came since `before`. A descendant that is itself
 * named counts only under its own name, and a process with two names only under the first.
 * @throws {Error} where there is no /proc
 */
export function readUsage(
  pids: Readonly<Record<string, number>>,
  before: CpuTimes = new Map(),
): Record<string, ProcessUsage> {
  if (readProc('self/status') === undefined) throw new Error('the bench needs Linux (/proc)')
  const named = new Set(Object.values(pids))
  const seen = new Set<number>()
  const usage: Record<string, ProcessUsage> = {}
  for (const [role, pid] of Object.entries(pids)) {
    if (seen.has(pid)) continue
    seen.add(pid)
    usage[role] = sumUsage(family(pid, named), before)
  }
  return usage
}

function sumUsage(pids: readonly number[], before: CpuTimes): ProcessUsage {
  let cpuUs = 0
  let rssBytes = 0
  let peakRssBytes = 0
  for (const pid of pids) {
    const status = readProc(`${pid}/status`) ?? ''
    rssBytes += parseStatusBytes(status, 'VmRSS')
    peakRssBytes += parseStatusBytes(status, 'VmHWM')
    // Thread by thread: a sum would fall when one ends.
    for (const [thread, us] of timesOf(pid)) cpuUs += us - (before.get(thread) ?? 0)
  }
  return { cpuUs, rssBytes, peakRssBytes }
}

const timesOf = (pid: number): (readonly [string, number])[] =>
  threadsOf(pid).map((thread) => [thread, threadCpuUs(pid, thread)])

/** Starts a new peak of RSS for each process and its descendants. */
export function resetPeakRss(pids: Readonly<Record<string, number>>): void {
  for (const pid of Object.values(pids).flatMap((pid) => family(pid, new Set()))) {
    try {
      writeFileSync(`/proc/${pid}/clear_refs`, '5')
    } catch {
      // Not permitted here: peaks then count from the start of the process, which is stricter.
    }
  }
}
