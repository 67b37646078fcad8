import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { debianBase } from './debian-base.ts'

const BOOT = join(import.meta.dirname, 'boot.sh')
const PATH = '/opt/node/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const POLL_MS = 100
/** On a busy machine; alone it takes two seconds. */
const BOOT_MS = 60_000
/** A getty has no terminal to sit at. */
const MASKED = ['console-getty.service']

/** How a command in the machine has ended. */
export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A Debian with systemd that has just been installed, with Node and npm and nothing else of ours. */
export class FreshDebian {
  readonly #dir = mkdtempSync(join(tmpdir(), 'infernet-debian-'))
  #booted: ChildProcess | undefined
  #init = 0

  /** `lent`: files of ours that it finds in `/opt`, by name. */
  static async boot(lent: Readonly<Record<string, string>>): Promise<FreshDebian> {
    const machine = new FreshDebian()
    try {
      machine.#furnish(lent)
      await machine.#start()
    } catch (error) {
      await machine.stop()
      throw error
    }
    return machine
  }

  #furnish(lent: Readonly<Record<string, string>>): void {
    for (const name of ['upper', 'work', 'root', 'lent']) mkdirSync(join(this.#dir, name))
    const opt = join(this.#dir, 'lent')
    lendNode(join(opt, 'node'))
    for (const [name, path] of Object.entries(lent)) cpSync(path, join(opt, name))
    const units = join(this.#dir, 'upper/etc/systemd/system')
    mkdirSync(units, { recursive: true })
    for (const unit of MASKED) symlinkSync('/dev/null', join(units, unit))
  }

  /** Cuts its power, and starts it again with what is on its disk. */
  async powerCycle(): Promise<void> {
    await this.#cut()
    await this.#start()
  }

  /** Runs `command` with a shell, as root. */
  async sh(command: string): Promise<Ran> {
    const child = this.#enter(['/bin/sh', '-c', command])
    const [out, err] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    return { code: child.exitCode, out, err }
  }

  /** The same where it has to succeed; resolves with what it prints. */
  async must(command: string): Promise<string> {
    const { code, err, out } = await this.sh(command)
    if (code === 0) return out
    throw new Error(`${command}: ended with ${code}\n${out}${err}\n${await this.#journal()}`)
  }

  async stop(): Promise<void> {
    await this.#cut()
    rmSync(this.#dir, { recursive: true, force: true })
  }

  async #start(): Promise<void> {
    const own = ['--mount', '--pid', '--fork', '--cgroup', '--uts', '--ipc', '--kill-child']
    const args = [...own, 'sh', BOOT, debianBase().folder, this.#dir]
    const booted = spawn('unshare', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#booted = booted
    let said = ''
    booted.on('error', ({ message }) => (said += message))
    booted.stderr.setEncoding('utf8').on('data', (line: string) => (said += line))
    const deadline = Date.now() + BOOT_MS
    for (;;) {
      const { out } = await this.sh('systemctl is-system-running').catch(() => ({ out: '' }))
      if (/^(running|degraded)$/m.test(out)) return
      if (Date.now() > deadline || booted.exitCode !== null)
        throw new Error(`Debian does not boot: ${out.trim()} ${said}`)
      await sleep(POLL_MS)
    }
  }

  #enter(command: readonly string[]) {
    this.#init ||= childOf(this.#booted?.pid)
    const into = ['--mount', '--pid', '--uts', '--ipc', '--cgroup', '--root']
    const env = ['env', '-i', '--chdir=/root', `PATH=${PATH}`, 'HOME=/root', 'LANG=C.UTF-8']
    const args = [`--target=${this.#init}`, ...into, ...env, ...command]
    return spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  }

  async #journal(): Promise<string> {
    return (await this.sh('journalctl --no-pager --lines=60')).out
  }

  async #cut(): Promise<void> {
    const booted = this.#booted
    this.#init = 0
    if (booted === undefined || booted.exitCode !== null || booted.signalCode !== null) return
    const ended = once(booted, 'exit')
    booted.kill('SIGKILL')
    await ended
  }
}

/**
 * The first process of the namespaces that `unshare` has made. Throws until it is systemd: before that its root is
 * this machine's, and so would be whatever is run in it.
 */
function childOf(pid: number | undefined): number {
  const [child = 0] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .map(Number)
  if (child === 0 || readFileSync(`/proc/${child}/comm`, 'utf8') !== 'systemd\n')
    throw new Error('it has not begun to boot')
  return child
}

/** The Node that this machine's owner has installed, with its npm. */
function lendNode(folder: string): void {
  const node = systemNode()
  mkdirSync(join(folder, 'bin'), { recursive: true })
  cpSync(node, join(folder, 'bin/node'), { dereference: true })
  const npm = 'lib/node_modules/npm'
  cpSync(join(dirname(node), '..', npm), join(folder, npm), { recursive: true })
  symlinkSync(`../${npm}/bin/npm-cli.js`, join(folder, 'bin/npm'))
}

function systemNode(): string {
  const folders = (process.env['PATH'] ?? '').split(':').filter((path) => !path.endsWith('/.bin'))
  const node = folders.map((path) => join(path, 'node')).find((path) => existsSync(path))
  if (node === undefined) throw new Error('there is no Node on PATH')
  return node
}
