import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { MAX_JOBS_MEMORY_BYTES } from '../limits.ts'

/**
 * A request is held as the values that it is parsed to, as the text that is sent to the engine, and by the socket:
 * measured three to five times its length. Lists of empty lists take 15 times theirs, and nobody sends them.
 */
const REQUEST_COPIES = 8
/** Beside its request: what one read of the engine brings, an event that is not whole yet, buffers of its connection. */
const JOB_BYTES = 256 * 1024

/** What a job holds from its beginning on, by the length of its request. */
export const jobBytes = (requestBytes: number): number => REQUEST_COPIES * requestBytes + JOB_BYTES

export interface ProcessMemory {
  /** What this process may use, with its engine where that is its own: the machine's, or what a unit or container gets. */
  readonly limitBytes: number
  /** What V8 lets JavaScript have of it. */
  readonly heapBytes: number
}

/**
 * What all jobs together may hold. A quarter leaves room for what has bounds of its own: transcripts, the socket's
 * backlog, receipts, Node itself, and a garbage collector that comes late.
 */
export const jobsMemoryBytes = ({ limitBytes, heapBytes }: ProcessMemory): number =>
  Math.floor(Math.min(limitBytes / 4, heapBytes / 2, MAX_JOBS_MEMORY_BYTES))

/** Of this process. Without a limit Node says 0, or a number above all memories. */
export function processMemory(): ProcessMemory {
  const limit = process.constrainedMemory?.() ?? 0
  const total = totalmem()
  return {
    limitBytes: limit > 0 ? Math.min(limit, total) : total,
    heapBytes: getHeapStatistics().heap_size_limit,
  }
}
