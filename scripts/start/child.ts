import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { LogFile } from './log-file.ts'
import { NODE_FLAGS, SMALL_MEMORY } from './node-flags.ts'

/** How long a child may take to end cleanly. */
const STOP_GRACE_MS = 5_000
/** How many of its last lines explain a child that died. */
const LAST_LINES = 20

export interface Child {
  readonly name: string
  readonly pid: number
  readonly logPath: string
  /** The JSON line `{"ready":true,…}` it prints once. Never settles if it ends before. */
  readonly ready: Promise<ReadyLine>
  /** Resolves when it has ended, with how: `exit code 1` or `SIGKILL`. */
  readonly ended: Promise<string>
  /** What it said last, on either stream. */
  lastLines(): readonly string[]
  /** Asks it to end, kills it when it has not after `graceMs` (5 s), and waits for that. */
  stop(graceMs?: number): Promise<void>
}

export interface ReadyLine {
  readonly ready: true
  readonly url?: string
}

export interface ChildOptions {
  readonly name: string
  /** A Node program and its arguments. */
  readonly args: readonly string[]
  readonly cwd: string
  readonly logPath: string
  /** Gets every line of stdout except the ready line. */
  readonly onLine?: (line: string) => void
}

/**
 * Starts a part of the system in a process group of its own, so that Ctrl-C reaches only us and we
 * stop the parts in order. It watches its stdin (INFERNET_SUPERVISED), whose other end we hold: so
 * it ends with us even if we are killed.
 */
export function startChild(options: ChildOptions): Child {
  const child = spawn(process.execPath, [...NODE_FLAGS, ...options.args], {
    cwd: options.cwd,
    detached: true,
    env: { ...process.env, ...SMALL_MEMORY, INFERNET_SUPERVISED: '1' },
  })
  const log = new LogFile(options.logPath)
  const last: string[] = []
  const ready = Promise.withResolvers<ReadyLine>()
  const readLines = (stream: Readable, take: (line: string) => void) =>
    createInterface({ input: stream }).on('line', (line) => {
      log.write(line)
      last.push(line)
      if (last.length > LAST_LINES) last.shift()
      take(line)
    })
  readLines(child.stderr, () => {})
  readLines(child.stdout, (line) => {
    const readyLine = parseReadyLine(line)
    if (readyLine === undefined) options.onLine?.(line)
    else ready.resolve(readyLine)
  })
  child.stdin.on('error', () => {}) // it is gone, which 'ended' tells
  // 'close' comes after the last line was read.
  const ended = once(child, 'close').then(
    ([code, signal]: unknown[]) => (signal === null ? `exit code ${code}` : String(signal)),
    (error: Error) => error.message,
  )
  return {
    name: options.name,
    pid: child.pid ?? 0,
    logPath: options.logPath,
    ready: ready.promise,
    ended,
    lastLines: () => last,
    stop: async (graceMs = STOP_GRACE_MS) => {
      child.kill('SIGTERM')
      const killer = setTimeout(() => killGroup(child), graceMs)
      await ended
      clearTimeout(killer)
      log.close()
    },
  }
}

/** Kills it with all that it started. */
function killGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL')
}

function parseReadyLine(line: string): ReadyLine | undefined {
  if (!line.startsWith('{"ready":true')) return undefined
  return JSON.parse(line) as ReadyLine
}
