import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { leash, type LeashedProcess } from '../engines/managed/leash.ts'
import { commandRunner } from '../hardware/command-runner.ts'
import { findTool } from '../sandbox/find-tool.ts'
import { RUNSC_FLAGS } from '../sandbox/sandbox-limits.ts'

/** Until a daemon counts as one that does not start: it takes half a second. */
const START_MS = 30_000
/** Until one that was told to end is killed. */
const STOP_MS = 10_000
const POLL_MS = 50

/** Whether a daemon of our own can be started here: it takes root. */
export const canStartDocker = (): boolean =>
  process.getuid?.() === 0 &&
  ['docker', 'dockerd', 'containerd', 'runc'].every((name) => findTool(name) !== undefined)

/**
 * A real dockerd with nothing in it: its files, its socket and its containerd are in a folder of their own, and
 * it touches no network and no setting of the machine. `docker` finds it while it runs. It ends when we do.
 */
export class DockerDaemon {
  /** What `DOCKER_HOST` is meanwhile. */
  readonly host: string
  readonly #folder: string
  readonly #process: LeashedProcess
  readonly #before = process.env['DOCKER_HOST']

  private constructor(folder: string, daemon: LeashedProcess) {
    this.#folder = folder
    this.#process = daemon
    this.host = hostIn(folder)
  }

  static async start(): Promise<DockerDaemon> {
    const folder = mkdtempSync(join(tmpdir(), 'infernet-docker-'))
    const settings = join(folder, 'daemon.json')
    const runsc = findTool('runsc')
    const runtimes =
      runsc === undefined
        ? {}
        : { runsc: { path: runsc, runtimeArgs: RUNSC_FLAGS.map((flag) => `--${flag}`) } }
    writeFileSync(settings, JSON.stringify({ runtimes }))
    mkdirSync(join(folder, 'exec'))
    let said = ''
    const daemon = leash(
      {
        file: findTool('dockerd') ?? 'dockerd',
        args: [
          `--config-file=${settings}`,
          `--data-root=${join(folder, 'data')}`,
          `--exec-root=${join(folder, 'exec')}`,
          `--pidfile=${join(folder, 'pid')}`,
          `--host=${hostIn(folder)}`,
          // Takes a copy of what is next to nothing, and works on every file system.
          '--storage-driver=vfs',
          '--bridge=none',
          '--iptables=false',
          '--ip6tables=false',
        ],
        env: process.env,
      },
      (...outputs) => {
        for (const stream of outputs) {
          stream.setEncoding('utf8').on('data', (text: string) => {
            said = (said + text).slice(-2_000)
          })
        }
      },
    )
    const it = new DockerDaemon(folder, daemon)
    process.env['DOCKER_HOST'] = it.host
    if (await it.#isReady()) return it
    await it.stop()
    throw new Error(`dockerd did not start: ${said}`)
  }

  async stop(): Promise<void> {
    if (this.#before === undefined) delete process.env['DOCKER_HOST']
    else process.env['DOCKER_HOST'] = this.#before
    const killing = setTimeout(() => this.#process.kill(), STOP_MS)
    this.#process.terminate()
    await this.#process.ended
    clearTimeout(killing)
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #isReady(): Promise<boolean> {
    const ended = this.#process.ended.then(() => true)
    const run = commandRunner({ timeoutMs: START_MS })
    const docker = findTool('docker') ?? 'docker'
    const deadline = Date.now() + START_MS
    while (Date.now() < deadline) {
      if ((await run(docker, ['version'])).code === 0) return true
      if (await Promise.race([ended, sleep(POLL_MS, false)])) return false
    }
    return false
  }
}

const hostIn = (folder: string): string => `unix://${join(folder, 'docker.sock')}`
