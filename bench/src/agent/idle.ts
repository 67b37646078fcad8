import { setTimeout as sleep } from 'node:timers/promises'
import { cpuTimes, readUsage } from '../process-usage.ts'

/** An agent that has nothing to do. */
export interface Idle {
  readonly subject: string
  readonly rssBytes: number
  /** Of one processor. */
  readonly cpuShare: number
}

/** Leaves agents alone for `settleMs`, and then measures them for `idleMs`, all at once. */
export async function measureIdle(
  pids: Readonly<Record<string, number>>,
  { settleMs, idleMs }: { readonly settleMs: number; readonly idleMs: number },
): Promise<Idle[]> {
  await sleep(settleMs)
  const before = cpuTimes(pids)
  const startedMs = performance.now()
  await sleep(idleMs)
  const after = readUsage(pids, before)
  const tookUs = (performance.now() - startedMs) * 1_000
  return Object.entries(after).map(([subject, { cpuUs, rssBytes }]) => ({
    subject,
    rssBytes,
    cpuShare: cpuUs / tookUs,
  }))
}
