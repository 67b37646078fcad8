import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { leash } from '../engines/managed/leash.ts'
import type { Confinement, ResourceLimits, SandboxDriver } from './driver.ts'
import { makeSandboxFolder } from './sandbox-folder.ts'
import { MAX_COMPLAINTS_BYTES, STOP_MS } from './sandbox-limits.ts'

/** One command that takes bytes and gives bytes. */
export interface ConfinedJob {
  /** Absolute, as it is inside. */
  readonly file: string
  readonly args: readonly string[]
  readonly input: Uint8Array
  /** Absolute paths that it reads beside the system's. */
  readonly reads?: readonly string[]
  /** Settings of its own, beside those that {@link SandboxDriver} lets in. */
  readonly env?: NodeJS.ProcessEnv
  readonly gpu?: boolean
  readonly limits: JobLimits
}

export interface JobLimits extends ResourceLimits {
  readonly timeMs: number
  /** Of its standard output. */
  readonly outputBytes: number
}

/** Why a job is over: by itself, or stopped for its time, its output, or by us. */
export type JobEnding = 'exited' | 'time' | 'output' | 'cancelled'

export interface JobResult {
  readonly ending: JobEnding
  /** As shells count: 137 for what was killed, as for its memory. Undefined where it never started. */
  readonly code: number | undefined
  /** Cut where it was stopped for its size. */
  readonly output: Buffer
  /** The first 64 KiB of its standard error. */
  readonly complaints: Buffer
}

/** Runs a job to its end, which comes at its limits at the latest. Resolves when it is gone. */
export async function runConfined(
  driver: SandboxDriver,
  job: ConfinedJob,
  signal?: AbortSignal,
): Promise<JobResult> {
  const folder = makeSandboxFolder()
  try {
    const input = join(folder, 'input')
    writeFileSync(input, job.input, { mode: 0o600 })
    return await run(driver, job, input, signal)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function run(
  driver: SandboxDriver,
  { file, args, env = {}, reads = [], gpu = false, limits }: ConfinedJob,
  input: string,
  signal: AbortSignal | undefined,
): Promise<JobResult> {
  const { timeMs, outputBytes } = limits
  const confinement: Confinement = { reads, writes: [], gpu, limits, input }
  const command = driver.wrap(
    { file, args, env: { PATH: process.env['PATH'], ...env } },
    confinement,
  )
  let ending: JobEnding = 'exited'
  let killing: NodeJS.Timeout | undefined
  const stop = (why: JobEnding): void => {
    if (ending !== 'exited') return
    ending = why
    child.terminate()
    killing = setTimeout(() => child.kill(), STOP_MS)
  }
  const output = new Bounded(outputBytes, () => stop('output'))
  const complaints = new Bounded(MAX_COMPLAINTS_BYTES)
  const child = leash(command, (out, err) => {
    output.take(out)
    complaints.take(err)
  })
  const timer = setTimeout(() => stop('time'), timeMs)
  const cancel = (): void => stop('cancelled')
  signal?.addEventListener('abort', cancel)
  if (signal?.aborted) cancel()
  const { code } = await child.ended
  clearTimeout(timer)
  clearTimeout(killing)
  signal?.removeEventListener('abort', cancel)
  return { ending, code, output: output.bytes, complaints: complaints.bytes }
}

/** The beginning of what a stream gives. */
class Bounded {
  readonly #limit: number
  readonly #onMore: (() => void) | undefined
  readonly #chunks: Buffer[] = []
  #length = 0

  constructor(limit: number, onMore?: () => void) {
    this.#limit = limit
    this.#onMore = onMore
  }

  take(stream: Readable): void {
    stream.on('data', (chunk: Buffer) => {
      const kept = chunk.subarray(0, this.#limit - this.#length)
      this.#length += kept.length
      if (kept.length > 0) this.#chunks.push(kept)
      if (kept.length < chunk.length) this.#onMore?.()
    })
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}
