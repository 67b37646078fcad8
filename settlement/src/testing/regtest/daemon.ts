import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const STOP_TIMEOUT_MS = 15_000
const POLL_MS = 100
/** Starting, syncing, confirming: seconds each, more on a machine that builds something beside. */
const WAIT_MS = 120_000
const LOG_TAIL = 2000

/** A program that runs until it is stopped, with its output in a file. */
export class Daemon {
  readonly name: string
  readonly #log: string
  readonly #start: () => ChildProcess
  #process: ChildProcess

  constructor(name: string, program: string, args: readonly string[], log: string) {
    this.name = name
    this.#log = log
    this.#start = () => {
      const output = openSync(log, 'a')
      const child = spawn(program, args, { stdio: ['ignore', output, output] })
      closeSync(output)
      // A test that is cut short must not leave it behind.
      const kill = () => child.kill('SIGKILL')
      process.once('exit', kill)
      child.once('exit', () => process.off('exit', kill))
      return child
    }
    this.#process = this.#start()
  }

  /** Waits until `ready` is true; throws with the log's end when the program ends or takes too long. */
  async until(what: string, ready: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + WAIT_MS
    let last: unknown
    while (performance.now() < deadline && this.#process.exitCode === null) {
      try {
        if (await ready()) return
      } catch (error) {
        last = error
      }
      await sleep(POLL_MS)
    }
    const tail = readFileSync(this.#log, 'utf8').slice(-LOG_TAIL)
    throw new Error(`${this.name}: ${what} did not happen:\n${tail}`, { cause: last })
  }

  /** Kills it with no chance to clean up, and starts it again. */
  async crash(): Promise<void> {
    await this.#end('SIGKILL')
    this.#process = this.#start()
  }

  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await this.#end('SIGINT')
    clearTimeout(timer)
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.kill(signal)
    await ended
  }
}

/** A port on 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
