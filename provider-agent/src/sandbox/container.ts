import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quoted } from '../doctor/shell-word.ts'
import type { EngineCommand } from '../engines/managed/engine-command.ts'
import { commandRunner } from '../hardware/command-runner.ts'
import { isDead, ownMark } from './agent-mark.ts'
import type { Confinement, SandboxDriver, SandboxRuntime } from './driver.ts'
import { sandboxEnv } from './environment.ts'
import { findTool } from './find-tool.ts'
import { deviceGroups, gpuDevices } from './gpu-devices.ts'
import { shownPaths, systemView } from './host-view.ts'
import { SandboxError } from './sandbox-error.ts'
import { closedProfile, ownProfile } from './seccomp-profile.ts'
import {
  isRoot,
  makeSandboxFolder,
  sandboxOwner,
  settingsFiles,
  sweepFolders,
  writeRoot,
} from './sandbox-folder.ts'
import {
  MAX_OPEN_FILES,
  MIN_GVISOR_PIDS,
  RUNSC_FLAGS,
  TMP_BYTES,
  TOOL_MS,
} from './sandbox-limits.ts'

export interface ContainerOptions {
  readonly tool: 'podman' | 'docker'
  /** What runs the container; else the tool's own choice. */
  readonly runtime?: SandboxRuntime | undefined
  /** Paths that must not be seen, whatever is shown. */
  readonly hidden: readonly string[]
}

/** No network, nothing to write to, no rights; nothing of it is kept. */
const CLOSED =
  '--network=none --read-only --cap-drop=all --security-opt=no-new-privileges --hostname=sandbox --workdir=/ --log-driver=none'.split(
    ' ',
  )
/** By it we find our containers again; its value is an agent's mark. */
const LABEL = 'infernet-agent'
/** Of one user: podman takes no more itself, and then may not give more. */
const MAX_PODMAN_PROCESSES = 32_768
/** Docker's client hands these in from its owner's settings; there may be a password in them. */
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'ALL_PROXY', 'NO_PROXY']
/** Docker knows no folder as a root; an image with nothing in it does as well. */
const EMPTY_IMAGE = 'infernet-empty:1'

/**
 * A container whose root is an empty folder, with the system's programs shown in it. Throws
 * {@link SandboxError} where tool or runtime are not installed.
 */
export class ContainerDriver implements SandboxDriver {
  readonly name: string
  readonly owner = sandboxOwner()
  readonly ownKernel: boolean
  readonly sumsMemory = true
  readonly sharesCpus: boolean
  readonly minPids: number
  readonly #options: ContainerOptions
  readonly #program: string
  readonly #global: readonly string[]
  readonly #settings = settingsFiles(this.owner.uid, this.owner.gid)
  readonly #folder: string
  /** Of calls. */
  readonly #profile: string

  constructor(options: ContainerOptions) {
    const { tool, runtime } = options
    const program = findTool(tool)
    if (program === undefined) throw new SandboxError('missing', `${tool} is not installed`)
    const runs = runtime === undefined ? undefined : findTool(runtime)
    if (tool === 'podman' && runtime !== undefined && runs === undefined) {
      throw new SandboxError('missing', `${runtime} is not installed`)
    }
    this.name = runtime === undefined ? tool : `${tool}+${runtime}`
    this.ownKernel = runtime === 'runsc'
    // runsc of 2022 sets no such limit, whatever it is told.
    this.sharesCpus = !this.ownKernel
    this.minPids = this.ownKernel ? MIN_GVISOR_PIDS : 1
    this.#options = options
    this.#program = program
    this.#global = tool === 'podman' ? podmanFlags(runtime, runs) : []
    this.#folder = makeSandboxFolder()
    writeRoot(this.#root, this.#settings, systemView(true).links)
    const profile = (tool === 'podman' ? closedProfile() : undefined) ?? ownProfile()
    this.#profile = join(this.#folder, 'seccomp.json')
    writeFileSync(this.#profile, JSON.stringify(profile))
  }

  wrap({ file, args, env: outside }: EngineCommand, confinement: Confinement): EngineCommand {
    const { input = '/dev/null' } = confinement
    const name = `infernet-${ownMark()}-${randomBytes(8).toString('hex')}`
    const env = sandboxEnv(outside)
    const remove = [...this.#remove, name].map(quoted).join(' ')
    const fifo = join(this.#folder, `${name}.alive`)
    const run = [
      this.#program,
      ...this.#global,
      'run',
      '--rm',
      '--name',
      name,
      ...(confinement.input === undefined ? [] : ['--interactive']),
      ...this.#flags(confinement),
      // Values come from the environment: everybody can read a command line.
      ...Object.keys(env).flatMap((it) => ['--env', it === 'HOME' ? 'HOME=/tmp' : it]),
      ...this.#rootAnd(file, args),
    ]
    return {
      file: '/bin/sh',
      args: ['-c', watched(remove), 'sandbox', fifo, input, ...run],
      env: { ...env, ...toolEnv(process.env) },
    }
  }

  async prepare(): Promise<void> {
    sweepFolders()
    const run = commandRunner({ timeoutMs: TOOL_MS })
    const format = `{{.ID}} {{${this.#options.tool === 'podman' ? 'index .Labels' : '.Label'} "${LABEL}"}}`
    const list = ['ps', '--all', '--no-trunc', '--filter', `label=${LABEL}`, '--format', format]
    const listed = await run(this.#program, [...this.#global, ...list])
    const dead = listed.stdout
      .split('\n')
      .map((line) => line.trim().split(' '))
      .flatMap(([id, mark]) => (id && mark && isDead(mark) ? [id] : []))
    const [, ...remove] = this.#remove
    if (dead.length > 0) await run(this.#program, [...remove, ...dead])
    if (this.#options.tool === 'docker') await this.#makeEmptyImage()
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Removes a container, and kills what runs in it. */
  get #remove(): readonly string[] {
    const now = this.#options.tool === 'podman' ? ['--time', '0'] : []
    return [this.#program, ...this.#global, 'rm', '--force', ...now]
  }

  get #root(): string {
    return join(this.#folder, 'root')
  }

  #rootAnd(file: string, args: readonly string[]): string[] {
    if (this.#options.tool === 'podman') return ['--rootfs', this.#root, file, ...args]
    return [EMPTY_IMAGE, file, ...args]
  }

  async #makeEmptyImage(): Promise<void> {
    const run = commandRunner({ timeoutMs: TOOL_MS })
    if ((await run(this.#program, ['image', 'inspect', EMPTY_IMAGE])).code === 0) return
    const archive = join(this.#folder, 'empty.tar')
    await run('tar', ['-C', this.#root, '-cf', archive, '.'])
    const { code, stderr } = await run(this.#program, ['import', archive, EMPTY_IMAGE])
    if (code === 0) return
    const said = stderr.trim().split('\n').at(-1)
    throw new SandboxError('broken', `docker does not work here: ${said || 'no word'}`)
  }

  #flags({ reads, writes, gpu, limits }: Confinement): string[] {
    const { memoryBytes, pids, cpus } = limits
    const system = systemView(gpu)
    const shown = shownPaths(reads, system.reads, this.#options.hidden)
    const settings = [...this.#settings.keys()]
    const devices = gpu ? gpuDevices() : []
    return [
      ...CLOSED,
      `--label=${LABEL}=${ownMark()}`,
      `--security-opt=seccomp=${this.#profile}`,
      ...this.#user(),
      `--memory=${memoryBytes}`,
      `--memory-swap=${memoryBytes}`,
      `--pids-limit=${Math.max(pids, this.minPids)}`,
      ...(cpus === undefined ? [] : [`--cpus=${cpus}`]),
      ...ownLimits(),
      ...this.#ownFlags,
      `--shm-size=${TMP_BYTES}`,
      `--tmpfs=/tmp:rw,nosuid,nodev,mode=1777,size=${TMP_BYTES}`,
      ...system.reads.map((path) => mount(path, path, 'ro')),
      ...settings.map((path) => mount(join(this.#root, path), path, 'ro')),
      ...devices.flatMap((path) => ['--device', path]),
      ...deviceGroups(devices).flatMap((gid) => ['--group-add', String(gid)]),
      ...shown.map((path) => mount(path, path, 'ro')),
      ...writes.map((path) => mount(path, path, 'rw')),
    ]
  }

  /** What one tool does unasked, and the other does not. */
  get #ownFlags(): readonly string[] {
    const { tool, runtime } = this.#options
    if (tool === 'podman') return ['--read-only-tmpfs=false', '--no-hosts']
    return [
      ...(runtime === undefined ? [] : [`--runtime=${runtime}`]),
      // A name alone: it is not set inside, whatever the owner's settings say.
      ...PROXIES.flatMap((name) => ['--env', name, '--env', name.toLowerCase()]),
    ]
  }

  /** Podman without root: inside as outside. */
  #user(): string[] {
    const { uid, gid } = this.owner
    const isRootless = !isRoot() && this.#options.tool === 'podman'
    return [`--user=${uid}:${gid}`, ...(isRootless ? ['--userns=keep-id'] : [])]
  }
}

function mount(from: string, to: string, way: 'ro' | 'rw'): string {
  if (from.includes(':')) {
    throw new SandboxError('paths', `a container takes no path with a colon: ${from}`)
  }
  return `--volume=${from}:${to}:${way}`
}

/**
 * Runs a container for as long as the shell that does so lives. The container is no child of it: a
 * process in a session of its own removes it, as soon as the shell is gone, however it went.
 */
const watched = (remove: string): string => `
fifo=$1 input=$2
shift 2
# What watches a container writes a file where it was started, when its memory runs out.
cd "\${fifo%/*}" || exit 125
mkfifo -m 600 "$fifo" || exit 125
setsid /bin/sh -c 'trap "" TERM INT HUP; read -r _; "$@"; sleep 2; "$@"' sandbox ${remove} <"$fifo" >/dev/null 2>&1 &
exec 9>"$fifo"
rm -f "$fifo"
remove() { ${remove} >/dev/null 2>&1 9>&-; }
trap : TERM
"$@" <"$input" 9>&- &
container=$!
while :; do
  wait $container
  code=$?
  kill -0 $container 2>/dev/null || exit $code
  remove
  # It may not have been there yet.
  (sleep 0.3; kill -TERM $$) >/dev/null 2>&1 9>&- &
done
`

function podmanFlags(runtime: SandboxRuntime | undefined, path: string | undefined): string[] {
  return [
    // Without systemd podman finds neither cgroups nor a journal.
    ...(existsSync('/run/systemd/system')
      ? []
      : ['--cgroup-manager=cgroupfs', '--events-backend=file']),
    ...(path === undefined ? [] : [`--runtime=${path}`]),
    ...(runtime === 'runsc' ? RUNSC_FLAGS.flatMap((flag) => ['--runtime-flag', flag]) : []),
  ]
}

/** A container may not have more than we have, where we may not raise that. */
function ownLimits(): string[] {
  const text = readFileSync('/proc/self/limits', 'utf8')
  const hard = (name: string): number => {
    const value = new RegExp(`^${name} +\\S+ +(\\S+)`, 'm').exec(text)?.[1]
    return value === undefined || value === 'unlimited' ? Infinity : Number(value)
  }
  const files = Math.min(hard('Max open files'), MAX_OPEN_FILES)
  const processes = Math.min(hard('Max processes'), MAX_PODMAN_PROCESSES)
  return [
    `--ulimit=nofile=${files}:${files}`,
    `--ulimit=nproc=${processes}:${processes}`,
    '--ulimit=core=0:0',
  ]
}

/** Where the tool has its own files. */
const TOOL_NAMES =
  /^(HOME|XDG_RUNTIME_DIR|XDG_CONFIG_HOME|XDG_DATA_HOME|DBUS_SESSION_BUS_ADDRESS|DOCKER_(HOST|CONTEXT|CONFIG))$/

const toolEnv = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => TOOL_NAMES.test(name)))
