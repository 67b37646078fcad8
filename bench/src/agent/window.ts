import { setTimeout as sleep } from 'node:timers/promises'
import { within } from '../child-process.ts'
import { monotonicMicros } from '../clock.ts'
import { addReason } from '../closed-loop.ts'
import { cpuTimes, readUsage } from '../process-usage.ts'
import type { AgentLoad } from './agent-load.ts'
import { jobBody, type JobBook } from './job-book.ts'
import type { Subject } from './subject.ts'

/** Jobs that begin in a window end soon after it. */
const END_LIMIT_MS = 30_000

/** One load put on one agent for a while. Times in µs. */
export interface Window {
  readonly jobs: number
  readonly seconds: number
  /** From a job's frame to the engine's request, of each job. */
  readonly askUs: readonly number[]
  /** From an engine's chunk to its frame, of each chunk. */
  readonly chunkUs: readonly number[]
  /** Processor time of the agent. */
  readonly cpuUs: number
  readonly failures: number
  readonly reasons: readonly string[]
}

/** Keeps `load.concurrency` jobs under way; after `durationMs` no job begins but a client's first. */
export async function runWindow(
  subject: Subject,
  book: JobBook,
  load: AgentLoad,
  durationMs: number,
): Promise<Window> {
  const askUs: number[] = []
  const chunkUs: number[] = []
  const reasons: string[] = []
  let jobs = 0
  let failures = 0
  const startedUs = monotonicMicros()
  const client = async (place: number): Promise<void> => {
    // Streams of a GPU do not beat time together.
    await sleep((load.gapMs * place) / load.concurrency)
    do {
      const job = book.open(load)
      subject.end.give(job, jobBody(job.number, load, subject.asksItself))
      const problem = await job.over
      book.close(job)
      if (problem === undefined) {
        jobs++
        askUs.push(job.askUs ?? 0)
        for (const us of job.chunkUs) chunkUs.push(us)
      } else {
        failures++
        addReason(reasons, problem)
      }
    } while (monotonicMicros() - startedUs < durationMs * 1_000)
  }
  const { child } = subject
  const before = cpuTimes({ agent: child.pid })
  const clients = Array.from({ length: load.concurrency }, (_, place) => client(place))
  await within(durationMs + END_LIMIT_MS, child, Promise.all(clients))
  const cpuUs = readUsage({ agent: child.pid }, before)['agent']?.cpuUs ?? 0
  const seconds = (monotonicMicros() - startedUs) / 1_000_000
  return { jobs, seconds, askUs, chunkUs, cpuUs, failures, reasons }
}
