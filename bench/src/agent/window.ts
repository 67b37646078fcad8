import { setTimeout as sleep } from 'node:timers/promises'
import { readUsage } from '../process-usage.ts'
import type { AgentLoad } from './agent-load.ts'
import { jobBody, type JobBook } from './job-book.ts'
import { nowUs } from './now.ts'
import type { Subject } from './subject.ts'

/** Jobs that begin in a window end soon after it. */
const END_LIMIT_MS = 30_000
/** Distinct reasons kept. */
const MAX_REASONS = 3

/** One load put on one agent for a while. Times in µs. */
export interface Window {
  readonly jobs: number
  readonly chunks: number
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
  const reasons = new Set<string>()
  let jobs = 0
  let failures = 0
  const startedUs = nowUs()
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
        if (reasons.size < MAX_REASONS) reasons.add(problem)
      }
    } while (nowUs() - startedUs < durationMs * 1_000)
  }
  const before = readUsage({ agent: subject.pid })['agent']?.cpuUs ?? 0
  const clients = Array.from({ length: load.concurrency }, (_, place) => client(place))
  await within(durationMs + END_LIMIT_MS, Promise.all(clients), load.name)
  const cpuUs = (readUsage({ agent: subject.pid })['agent']?.cpuUs ?? 0) - before
  const seconds = (nowUs() - startedUs) / 1_000_000
  return {
    jobs,
    chunks: jobs * load.chunks,
    seconds,
    askUs,
    chunkUs,
    cpuUs,
    failures,
    reasons: [...reasons],
  }
}

async function within<T>(ms: number, work: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`${what}: not over in ${ms} ms`)), ms)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
