import {
  existsSync,
  lstatSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { quoted } from '../doctor/shell-word.ts'
import { SandboxError } from './sandbox-error.ts'

/** The system's programs and libraries. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']
/** What programs need of the machine's settings. None of it is secret. */
const SETTINGS = 'ld.so.cache ld.so.conf ld.so.conf.d alternatives localtime OpenCL vulkan'
  .split(' ')
  .map((name) => `/etc/${name}`)
/** AMD's libraries, where they are not in /usr. */
const GPU_SYSTEM = ['/opt/rocm']
/** How many processors and memory nodes there are. */
const MACHINE = ['/sys/devices/system/cpu', '/sys/devices/system/node']
/** Where drivers describe the GPUs. */
const GPU_MACHINE = [
  '/sys/devices',
  '/sys/bus/pci',
  '/sys/class/drm',
  '/sys/class/kfd',
  '/sys/dev',
  '/sys/module/nvidia',
  '/sys/module/nvidia_uvm',
  '/sys/module/amdgpu',
]
/** Folders that are never shown as a whole. */
const NEVER = new Set([
  '/',
  '/etc',
  '/home',
  '/root',
  '/var',
  '/run',
  '/proc',
  '/sys',
  '/dev',
  '/tmp',
])

/** A split model's first part. */
const PART = /^(.*-)\d{5}(-of-\d{5}\.gguf)$/i
const LIBRARY = /\.(so(\.[\d.]+)?|dylib|metal|metallib)$/

/** The system as a sandbox shows it: nothing that is not named is there. */
export interface SystemView {
  /** Shown where they are, read-only. */
  readonly reads: readonly string[]
  /** Links, and what they say. */
  readonly links: readonly (readonly [path: string, target: string])[]
}

const isLink = (path: string): boolean => lstatSync(path).isSymbolicLink()

/** The parts of this machine that any program needs. */
export function systemView(gpu: boolean): SystemView {
  const there = SYSTEM.filter((path) => existsSync(path))
  const more = [...SETTINGS, ...(gpu ? GPU_SYSTEM : [])].filter((path) => existsSync(path))
  return {
    reads: [...there.filter((path) => !isLink(path)), ...more],
    links: there.filter(isLink).map((path) => [path, readlinkSync(path)] as const),
  }
}

/** What of `/sys` is shown. */
export const machineView = (gpu: boolean): string[] =>
  (gpu ? GPU_MACHINE : MACHINE).filter((path) => existsSync(path))

/**
 * What a program needs to be shown beside the system: itself, the libraries beside it, and of an
 * environment of Python all of that. `file` is a real path.
 */
export function programReads(file: string): string[] {
  const folder = dirname(file)
  const above = dirname(folder)
  if (basename(folder) === 'bin') {
    const settings = join(above, 'pyvenv.cfg')
    if (existsSync(settings)) return [above, ...basePython(settings)]
    if (existsSync(join(above, 'conda-meta'))) return [above]
  }
  const beside = readdirSync(folder).filter((name) => LIBRARY.test(name))
  const libraries = ['lib', 'lib64'].map((name) => join(above, name))
  return [
    file,
    ...beside.flatMap((name) => withTargets(join(folder, name))),
    ...(basename(folder) === 'bin' ? libraries.filter((path) => existsSync(path)) : []),
  ]
}

/** The Python that an environment was made with. */
function basePython(settings: string): string[] {
  const home = /^home\s*=\s*(.+)$/m.exec(readFileSync(settings, 'utf8'))?.[1]?.trim()
  if (home === undefined || !existsSync(home)) return []
  const real = realpathSync(home)
  return [...new Set([home, real])].map((path) => (basename(path) === 'bin' ? dirname(path) : path))
}

/**
 * What must be shown of a model: its file, all parts of a split one, or its folder. `shown` is what the owner has the
 * sandbox show besides. Throws {@link SandboxError} for a link that leads to what is not the model's: whoever has packed
 * a model may have put one to the owner's files among it.
 */
export function modelReads(path: string, shown: readonly string[] = []): string[] {
  const real = realpathSync(path)
  if (lstatSync(real).isDirectory()) {
    // Hugging Face's cache keeps the files elsewhere, under the names of their hashes.
    const names = readdirSync(path).map((name) => join(path, name))
    return [path, ...names.filter(isLink).map((link) => ownTarget(link, [real], shown))]
  }
  const [, before, after] = PART.exec(basename(path)) ?? []
  if (before === undefined || after === undefined) return withTargets(path)
  const folder = dirname(path)
  const parts = readdirSync(folder).filter((name) => {
    const part = PART.exec(name)
    return part?.[1] === before && part[2] === after
  })
  const places = [realpathSync(folder), dirname(real)]
  return parts
    .map((name) => join(folder, name))
    .flatMap((part) => (isLink(part) ? [part, ownTarget(part, places, shown)] : [part]))
}

/** What a link leads to, which must be in one of these folders, in the cache that they are of, or shown anyway. */
function ownTarget(link: string, folders: readonly string[], shown: readonly string[]): string {
  const target = targetOf(link)
  const caches = folders.flatMap((folder) => {
    const [, above] = /^(.*)\/snapshots(?:\/|$)/.exec(folder) ?? []
    return above === undefined ? [] : [`${above}/blobs`]
  })
  const others = shown.flatMap((path) => (existsSync(path) ? withTargets(path) : []))
  if ([...folders, ...caches, ...others].some((folder) => isIn(folder)(target))) return target
  throw new SandboxError(
    'paths',
    `${link} leads out of the model, to ${target}`,
    `put the file itself there, or, if the engine may read all that lies beside it, --sandbox-read ${quoted(dirname(target))}`,
  )
}

const targetOf = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    throw new SandboxError('paths', `${path} is a link to nothing: mend or remove it`)
  }
}

const withTargets = (path: string): string[] => [...new Set([path, targetOf(path)])]

/**
 * The paths to show, each once, none inside another, and none that the system shows already. Throws
 * {@link SandboxError} for one that is not there, and where something in `hidden` would be seen.
 */
export function shownPaths(
  wanted: readonly string[],
  system: readonly string[],
  hidden: readonly string[],
): string[] {
  const secret = hidden.flatMap((path) => (existsSync(path) ? withTargets(path) : [path]))
  for (const path of wanted) {
    if (!existsSync(path)) throw new SandboxError('paths', `${path} is not there`)
    const seen = withTargets(path).find((it) => NEVER.has(it) || secret.some(isIn(it)))
    if (seen !== undefined) {
      throw new SandboxError(
        'paths',
        `${path} cannot be shown to the sandbox, for more than the engine's is in it: put programs and models in folders of their own`,
      )
    }
  }
  const all = [...new Set(wanted)].filter((path) => !system.some((it) => isIn(it)(path)))
  return all.filter((path) => !all.some((other) => other !== path && isIn(other)(path)))
}

/** Whether a path is `folder` or in it. */
const isIn =
  (folder: string) =>
  (path: string): boolean =>
    path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
