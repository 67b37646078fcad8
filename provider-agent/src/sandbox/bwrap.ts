import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { quoted } from '../doctor/shell-word.ts'
import type { EngineCommand } from '../engines/managed/engine-command.ts'
import { Cgroups } from './cgroup.ts'
import type { Confinement, SandboxDriver } from './driver.ts'
import { sandboxEnv } from './environment.ts'
import { findTool } from './find-tool.ts'
import { deviceGroups, gpuDevices } from './gpu-devices.ts'
import { machineView, shownPaths, systemView } from './host-view.ts'
import { SandboxError } from './sandbox-error.ts'
import {
  isRoot,
  makeSandboxFolder,
  sandboxOwner,
  settingsFiles,
  sweepFolders,
  writeRoot,
} from './sandbox-folder.ts'
import { MAX_OPEN_FILES, TMP_BYTES } from './sandbox-limits.ts'
import { seccompProgram } from './seccomp.ts'
import { CALLS } from './syscalls.ts'

/** What `bwrap` needs beside what a command may reach. */
export interface BwrapOptions {
  /** Paths that must not be seen, whatever is shown. */
  readonly hidden: readonly string[]
}

/** Folders that are there before. */
const MADE = new Set(['/tmp', '/dev', '/dev/shm', '/proc'])

/** A namespace of each kind, and in it only what is named after this. */
const CLOSED =
  '--unshare-pid --unshare-net --unshare-ipc --unshare-uts --unshare-cgroup-try --die-with-parent --hostname sandbox --chdir / --proc /proc --dev /dev'.split(
    ' ',
  )
const LAST = '--remount-ro / --cap-drop ALL'.split(' ')
/** What root keeps until it has become somebody else. */
const TO_BECOME_ANOTHER = '--cap-add CAP_SETUID --cap-add CAP_SETGID --cap-add CAP_SETPCAP'.split(
  ' ',
)

/** By then a process has entered the cgroup that was made for it. */
const ENTERED_MS = 60_000

/** The number of the file that the filter of calls is read from. */
const FILTER_FD = 9

/**
 * Bubblewrap: namespaces, and our own filter of calls; no container. Its limits are a cgroup's where we
 * may make one, else those that a process has. Throws {@link SandboxError} where it is not installed.
 */
export class BwrapDriver implements SandboxDriver {
  readonly name = 'bwrap'
  readonly owner = sandboxOwner()
  readonly ownKernel = false
  readonly minPids = 1
  readonly #hidden: readonly string[]
  readonly #program: string
  readonly #cgroups = Cgroups.find()
  readonly sumsMemory = this.#cgroups !== undefined
  readonly sharesCpus = this.#cgroups !== undefined
  readonly #settings = settingsFiles(this.owner.uid, this.owner.gid)
  readonly #folder: string

  constructor({ hidden }: BwrapOptions) {
    const program = findTool('bwrap')
    if (program === undefined) throw new SandboxError('missing', 'bwrap is not installed')
    const calls = CALLS[process.arch]
    if (calls === undefined) {
      throw new SandboxError('missing', `there is no filter of calls for ${process.arch}`)
    }
    this.#program = program
    this.#hidden = hidden
    this.#folder = makeSandboxFolder()
    writeRoot(join(this.#folder, 'root'), this.#settings, [])
    writeFileSync(this.#filter, seccompProgram(calls))
  }

  wrap({ file, args, env }: EngineCommand, confinement: Confinement): EngineCommand {
    const { limits, input = '/dev/null' } = confinement
    // Of engines that have ended; they are started again.
    this.#cgroups?.sweep(ENTERED_MS)
    const enter = (this.#cgroups?.make(limits) ?? []).map((path) => `echo $$ >${quoted(path)}`)
    const run = [
      `ulimit -n ${MAX_OPEN_FILES} 2>/dev/null`,
      `ulimit -c 0`,
      [...enter, `exec ${FILTER_FD}<${quoted(this.#filter)} <${quoted(input)}`, 'exec "$@"'].join(
        ' && ',
      ),
    ]
    const inside = [
      ...this.#dropRights(confinement),
      ...this.#ownLimits(confinement),
      file,
      ...args,
    ]
    return {
      file: '/bin/sh',
      args: [
        '-c',
        run.join('\n'),
        'sandbox',
        this.#program,
        ...this.#view(confinement),
        '--',
        ...inside,
      ],
      env: sandboxEnv(env),
    }
  }

  async prepare(): Promise<void> {
    this.#cgroups?.sweep()
    sweepFolders()
  }

  close(): void {
    this.#cgroups?.sweep()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  get #filter(): string {
    return join(this.#folder, 'filter.bpf')
  }

  #view({ reads, writes, gpu }: Confinement): string[] {
    const system = systemView(gpu)
    const shown = shownPaths(reads, system.reads, this.#hidden)
    const settings = [...this.#settings.keys()]
    const mounted = [...system.reads, ...settings, ...machineView(gpu), ...shown, ...writes]
    return [
      ...CLOSED,
      '--seccomp',
      String(FILTER_FD),
      ...tmpfs('/tmp'),
      ...tmpfs('/dev/shm'),
      ...foldersOf(mounted),
      ...share('--ro-bind', system.reads),
      ...system.links.flatMap(([path, target]) => ['--symlink', target, path]),
      ...settings.flatMap((path) => ['--ro-bind', join(this.#folder, 'root', path), path]),
      ...share('--ro-bind', machineView(gpu)),
      ...share('--dev-bind', gpu ? gpuDevices() : []),
      ...share('--ro-bind', shown),
      ...share('--bind', writes),
      ...LAST,
      ...(isRoot() ? TO_BECOME_ANOTHER : ['--unshare-user']),
    ]
  }

  #dropRights({ gpu }: Confinement): string[] {
    if (!isRoot()) return []
    const { uid, gid } = this.owner
    const groups = gpu ? deviceGroups(gpuDevices()) : []
    return [
      '/usr/bin/setpriv',
      `--reuid=${uid}`,
      `--regid=${gid}`,
      groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`,
      '--inh-caps=-all',
      '--bounding-set=-all',
      '--no-new-privs',
    ]
  }

  /** Without a cgroup: of the memory each process for itself, of the processes all of this user. */
  #ownLimits({ limits }: Confinement): string[] {
    if (this.#cgroups !== undefined) return []
    const { memoryBytes, pids } = limits
    return ['/usr/bin/prlimit', `--data=${memoryBytes}`, `--nproc=${pids}`, '--']
  }
}

const share = (flag: string, paths: readonly string[]): string[] =>
  paths.flatMap((path) => [flag, path, path])

/** The folders above; bwrap would make them so that only root could enter. */
function foldersOf(paths: readonly string[]): string[] {
  const above = (path: string): string[] => (path === '/' ? [] : [...above(dirname(path)), path])
  const all = new Set(paths.flatMap((path) => above(dirname(path))))
  return [...all].flatMap((path) => (MADE.has(path) ? [] : ['--perms', '0755', '--dir', path]))
}

const tmpfs = (path: string): string[] => [
  '--size',
  String(TMP_BYTES),
  '--perms',
  '1777',
  '--tmpfs',
  path,
]
