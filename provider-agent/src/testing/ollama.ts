import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Ollama's release, whose Go module is built. */
const VERSION = '0.17.4'

/** Until a server counts as one that does not start, and until one that was told to end is ended. */
const START_MS = 30_000
const STOP_MS = 5_000
const POLL_MS = 20

/** Ollama, built from its Go module for processors alone. */
export interface OllamaBinary {
  readonly version: string
  /** Outside the tree, so that clones and worktrees share it. */
  readonly folder: string
  readonly path: string
}

/** Where `node scripts/bootstrap.mjs ollama` puts the program, whether it is there or not. */
export function ollamaBinary(): OllamaBinary {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const folder = join(cache, 'infernet', `ollama-${VERSION}`)
  return { version: VERSION, folder, path: join(folder, 'ollama') }
}

export const isBuilt = ({ path }: OllamaBinary): boolean => existsSync(path)

/** What `ollama create` makes of a file. */
export interface OllamaModel {
  readonly name: string
  /** A GGUF file. */
  readonly path: string
  /** In Go's words; without one Ollama takes the one that it knows for the file's own. */
  readonly template?: string
  readonly parameters?: Readonly<Record<string, unknown>>
}

/** A real Ollama with a folder and a port of its own. */
export class Ollama {
  readonly url: string
  readonly #folder: string
  readonly #child: ChildProcess

  private constructor(url: string, folder: string, child: ChildProcess) {
    this.url = url
    this.#folder = folder
    this.#child = child
  }

  /** `env` goes before what it is started with: four jobs at once, each of 1,024 tokens. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<Ollama> {
    const port = await freePort()
    const folder = mkdtempSync(join(tmpdir(), 'infernet-ollama-'))
    const host = `127.0.0.1:${port}`
    const child = spawn(ollamaBinary().path, ['serve'], {
      stdio: 'ignore',
      // A group of its own, with the processes that hold its models.
      detached: true,
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        OLLAMA_HOST: host,
        OLLAMA_MODELS: join(folder, 'models'),
        OLLAMA_NUM_PARALLEL: '4',
        OLLAMA_CONTEXT_LENGTH: '1024',
        OLLAMA_NO_CLOUD: '1',
        ...env,
      },
    })
    const server = new Ollama(`http://${host}`, folder, child)
    // It must not outlive a test that was killed.
    const kill = (): void => server.#kill()
    process.once('exit', kill)
    child.once('exit', () => process.off('exit', kill))
    await server.#ready()
    return server
  }

  /** What `ollama create` does. */
  async create({ name, path, template, parameters }: OllamaModel): Promise<void> {
    const bytes = readFileSync(path)
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    await this.#post(`/api/blobs/${digest}`, bytes)
    const made = {
      model: name,
      files: { 'model.gguf': digest },
      stream: false,
      ...(template === undefined ? {} : { template }),
      ...(parameters === undefined ? {} : { parameters }),
    }
    await this.post('/api/create', made)
  }

  /** The text of what a page of its own answers. Rejects for another status than 200 and 201. */
  post(path: string, body: object): Promise<string> {
    return this.#post(path, JSON.stringify(body))
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      await Promise.race([ended, sleep(STOP_MS)])
      this.#kill()
      await ended
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #kill(): void {
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // All of it has ended.
    }
  }

  async #post(path: string, body: string | Buffer): Promise<string> {
    const response = await fetch(this.url + path, {
      method: 'POST',
      body: new Uint8Array(Buffer.from(body)),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`Ollama answered ${response.status} to ${path}: ${text}`)
    return text
  }

  async #ready(): Promise<void> {
    const deadline = Date.now() + START_MS
    while (Date.now() < deadline && this.#child.exitCode === null) {
      const answer = await fetch(`${this.url}/api/version`).catch(() => undefined)
      if (answer?.ok === true) return
      await sleep(POLL_MS)
    }
    await this.stop()
    throw new Error('Ollama did not start')
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
