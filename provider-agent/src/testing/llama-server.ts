import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** Until a server counts as one that does not start: it takes a tenth of a second. */
const START_MS = 30_000
const POLL_MS = 20

/** llama.cpp's server, built from the sources that come with node-llama-cpp. */
export interface LlamaServerBinary {
  /** llama.cpp's release. */
  readonly version: string
  /** The sources, as a git bundle. */
  readonly bundle: string
  /** Outside the tree, so that clones and worktrees share it. */
  readonly folder: string
  readonly path: string
}

/** Where `node scripts/bootstrap.mjs llama-server` puts the program, whether it is there or not. */
export function llamaServerBinary(): LlamaServerBinary {
  const main = fileURLToPath(import.meta.resolve('node-llama-cpp'))
  const sources = join(dirname(main), '../llama')
  const info = JSON.parse(readFileSync(join(sources, 'llama.cpp.info.json'), 'utf8')) as {
    readonly tag: string
  }
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const folder = join(cache, 'infernet', `llama-server-${info.tag}`)
  const path = join(folder, 'llama-server')
  return { version: info.tag, bundle: join(sources, 'gitRelease.bundle'), folder, path }
}

export const isBuilt = ({ path }: LlamaServerBinary): boolean => existsSync(path)

/** A real llama-server with one model, on a port of its own. */
export class LlamaServer {
  readonly url: string
  readonly #child: ChildProcess

  private constructor(url: string, child: ChildProcess) {
    this.url = url
    this.#child = child
  }

  /** `model` is a file; what it serves is called `alias`. */
  static async start(model: string, alias: string): Promise<LlamaServer> {
    const port = await freePort()
    const args = ['-m', model, '--alias', alias, '--host', '127.0.0.1', '--port', String(port)]
    const size = ['-np', '4', '-c', '4096', '-t', '1', '--no-ui']
    const child = spawn(llamaServerBinary().path, [...args, ...size], { stdio: 'ignore' })
    // It must not outlive a test that was killed.
    const stop = (): void => void child.kill('SIGKILL')
    process.once('exit', stop)
    child.once('exit', () => process.off('exit', stop))
    const server = new LlamaServer(`http://127.0.0.1:${port}`, child)
    await server.#ready()
    return server
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }

  async #ready(): Promise<void> {
    const deadline = Date.now() + START_MS
    while (Date.now() < deadline && this.#child.exitCode === null) {
      const answer = await fetch(`${this.url}/health`).catch(() => undefined)
      if (answer?.ok === true) return
      await sleep(POLL_MS)
    }
    await this.stop()
    throw new Error('llama-server did not start')
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
