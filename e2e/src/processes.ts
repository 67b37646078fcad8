import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')
/** Until a process counts as hanging: a new database takes seconds, on a busy machine many. */
const READY_TIMEOUT_MS = 120_000
/** Lines of output kept to explain a process that failed. */
const KEPT_LINES = 40

/** A child process of the product, watched by its JSON lines. */
export class Service {
  readonly process: ChildProcess
  readonly lines: string[] = []
  /** Of an agent that has connected: its peer id. */
  peer = ''
  readonly #name: string
  readonly #collecting: {
    match: (line: Record<string, unknown>) => boolean
    lines: Record<string, unknown>[]
  }[] = []
  #waiting: {
    match: (line: Record<string, unknown>) => boolean
    resolve: (line: Record<string, unknown>) => void
  }[] = []

  constructor(
    name: string,
    script: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    this.#name = name
    this.process = spawn(process.execPath, [join(ROOT, script), ...args], {
      cwd: ROOT,
      env: { ...process.env, INFERNET_SUPERVISED: '1', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    for (const stream of [this.process.stdout, this.process.stderr]) {
      if (stream !== null)
        createInterface({ input: stream }).on('line', (line) => this.#heard(line))
    }
  }

  get pid(): number {
    if (this.process.pid === undefined) throw new Error(`${this.#name} did not start`)
    return this.process.pid
  }

  /** The next JSON line that matches; rejects with the output when the process dies or is silent. */
  async line(match: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(this.#failure('said nothing in time')),
        READY_TIMEOUT_MS,
      )
      this.process.once('exit', () => reject(this.#failure('exited')))
      this.#waiting.push({
        match,
        resolve: (line) => {
          clearTimeout(timer)
          resolve(line)
        },
      })
    })
  }

  /** Every matching JSON line from now on, growing as they come. */
  collect(match: (line: Record<string, unknown>) => boolean): readonly Record<string, unknown>[] {
    const lines: Record<string, unknown>[] = []
    this.#collecting.push({ match, lines })
    return lines
  }

  /** Sends the signal and waits for the end; resolves with the exit code or signal. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    const { exitCode, signalCode } = this.process
    if (exitCode !== null) return exitCode
    if (signalCode !== null) return signalCode
    const ended = new Promise<number | string>((resolve) => {
      this.process.once('exit', (code, killed) => resolve(code ?? killed ?? -1))
    })
    this.process.kill(signal)
    return ended
  }

  get isRunning(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null
  }

  /** Resolves when it has ended, however. */
  async ended(): Promise<void> {
    if (this.isRunning) await once(this.process, 'exit')
  }

  /** Of the processes that it has started. */
  async childPids(): Promise<number[]> {
    const path = `/proc/${this.pid}/task/${this.pid}/children`
    const pids = (await readFile(path, 'utf8').catch(() => '')).trim()
    return pids === '' ? [] : pids.split(' ').map(Number)
  }

  /** Kills the process and every child it started, with no chance to clean up. */
  async kill(): Promise<void> {
    const children = await this.childPids()
    const ended = this.stop('SIGKILL')
    for (const pid of children) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It had ended already.
      }
    }
    await ended
  }

  #heard(text: string): void {
    this.lines.push(text)
    if (this.lines.length > KEPT_LINES) this.lines.shift()
    let line: Record<string, unknown>
    try {
      line = JSON.parse(text) as Record<string, unknown>
    } catch {
      return
    }
    for (const { match, lines } of this.#collecting) if (match(line)) lines.push(line)
    const matched = this.#waiting.filter((waiter) => waiter.match(line))
    this.#waiting = this.#waiting.filter((waiter) => !matched.includes(waiter))
    for (const waiter of matched) waiter.resolve(line)
  }

  #failure(what: string): Error {
    return new Error(`${this.#name} ${what}:\n${this.lines.join('\n')}`)
  }
}
