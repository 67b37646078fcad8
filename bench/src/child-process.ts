import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a child may take to end after SIGTERM before it is killed. */
const STOP_GRACE_MS = 5_000

/** How much of a child's last error output is kept to explain its death. */
const STDERR_TAIL_CHARS = 2_000

/** How often a readiness probe is repeated. */
const PROBE_INTERVAL_MS = 100

/** Thrown when a process of the bench ends early or does not become ready. */
class ChildFailed extends Error {
  readonly code = 'child_failed'
  override readonly name = 'ChildFailed'
}

/** A process that the bench started and has to stop. */
export interface Child {
  readonly name: string
  readonly pid: number
  readonly lines: Interface
  write(line: string): void
  /** Rejects with `ChildFailed` if the process ends by itself; never resolves. */
  readonly death: Promise<never>
  /** Ends the process and waits for that. */
  stop(): Promise<void>
}

/** What to run: a Node script unless `command` says otherwise. */
export interface ChildOptions {
  readonly name: string
  readonly command?: string
  readonly args: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM')
})

/** Starts a process with piped stdin, stdout and stderr. */
export function startChild(options: ChildOptions): Child {
  const { name, command = process.execPath, args, cwd, env } = options
  const child = spawn(command, args, {
    stdio: 'pipe',
    env: { ...process.env, ...env },
    ...(cwd !== undefined && { cwd }),
  })
  running.add(child)
  let stopping = false
  let stderr = ''
  child.stderr.on('data', (part: Buffer) => {
    stderr = (stderr + part.toString()).slice(-STDERR_TAIL_CHARS)
  })
  child.stdin.on('error', () => undefined) // the death below says why
  const death = new Promise<never>((_, reject) => {
    child.on('error', (error) => reject(new ChildFailed(`${name}: ${error.message}`)))
    child.on('exit', (code, signal) => {
      running.delete(child)
      if (!stopping) reject(new ChildFailed(`${name} ended (${code ?? signal}): ${stderr.trim()}`))
    })
  })
  death.catch(() => undefined) // observed only by those who wait for the child at the time
  return {
    name,
    pid: child.pid ?? 0,
    lines: createInterface({ input: child.stdout }),
    write: (line) => child.stdin.write(`${line}\n`),
    death,
    stop: async () => {
      stopping = true
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      const grace = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS)
      await gone
      clearTimeout(grace)
    },
  }
}

/** Resolves with what `parse` makes of the next line for which it returns something. */
export async function firstLine<T>(
  child: Child,
  parse: (line: string) => T | undefined,
  timeoutMs: number,
): Promise<T> {
  const found = Promise.withResolvers<T>()
  const onLine = (line: string) => {
    const value = parse(line)
    if (value !== undefined) found.resolve(value)
  }
  child.lines.on('line', onLine)
  try {
    return await within(timeoutMs, child, found.promise)
  } finally {
    child.lines.off('line', onLine)
  }
}

/** Repeats `probe` until it resolves true; its rejections count as false. */
export async function untilReady(
  child: Child,
  probe: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const over = new AbortController()
  const poll = async () => {
    while (!over.signal.aborted && !(await probe().catch(() => false)))
      await sleep(PROBE_INTERVAL_MS)
  }
  try {
    await within(timeoutMs, child, poll())
  } finally {
    over.abort()
  }
}

/** Resolves with `work`; rejects with `ChildFailed` after `ms`, or when the child ends by itself before. */
export async function within<T>(ms: number, child: Child, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new ChildFailed(`${child.name}: nothing within ${ms} ms`)),
    ms,
  )
  try {
    return await Promise.race([work, child.death, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
