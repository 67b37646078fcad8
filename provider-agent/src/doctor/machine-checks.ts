import { constants, type Stats } from 'node:fs'
import { access, readdir, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { DataDir } from '../data-dir.ts'
import { PROBE_TIMEOUT_MS } from '../hardware/hardware-limits.ts'
import { hintFor } from '../hardware/trouble-hints.ts'
import { findIdentity, KeyError } from '../identity.ts'
import { failed, ok, warning, type Check, type Finding } from './check.ts'
import { shellWord } from './shell-word.ts'

/** The oldest that the agent runs on: major and minor. */
export const OLDEST_NODE = [20, 12] as const
/** A full outbox takes half of it. */
const LOW_DISK_BYTES = 1024 ** 3
const NO_DISK_BYTES = 64 * 1024 ** 2
/** The agent itself takes some 100 MiB; an embedded engine its model on top. */
const LOW_MEMORY_BYTES = 256 * 1024 ** 2
const OTHERS = 0o077
/** A driver's programs are asked one after the other, and two may hang. */
const GPU_LIMIT_MS = 3 * PROBE_TIMEOUT_MS

/** What the checks of this machine look at. */
export interface Machine {
  /** Such as `v24.1.0`. */
  readonly nodeVersion: string
  readonly files: DataDir
  /** `--data DIR`, or nothing, for commands to type. */
  readonly dataFlag: string
  /** Bytes that can still be had. */
  readonly freeMemory: () => number
  /** Bytes that can still be written where `path` is. */
  readonly freeDisk: (path: string) => Promise<number>
  readonly gpus: (signal: AbortSignal) => Promise<GpusSeen>
}

/** The GPUs, in words, and what a driver says that could not answer. */
export interface GpusSeen {
  readonly names: readonly string[]
  readonly trouble?: string
}

export async function freeDisk(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

/** Of the machine, and the agent's files on it. */
export const machineChecks = (machine: Machine): Check[] => [
  { id: 'node', name: 'Node', run: () => nodeFinding(machine.nodeVersion) },
  { id: 'data', name: 'data folder', run: () => dataFinding(machine.files) },
  { id: 'key', name: 'key', run: () => keyFinding(machine) },
  { id: 'receipts', name: 'receipts', run: () => receiptsFinding(machine.files.outbox) },
  { id: 'disk', name: 'disk', run: () => diskFinding(machine) },
  { id: 'memory', name: 'memory', run: () => memoryFinding(machine.freeMemory()) },
  {
    id: 'gpu',
    name: 'GPU',
    limitMs: GPU_LIMIT_MS,
    run: async (signal) => gpuFinding(await machine.gpus(signal)),
  },
]

function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.replace('v', '').split('.').map(Number)
  const [needed, atLeast] = OLDEST_NODE
  if (major > needed || (major === needed && minor >= atLeast)) return ok(version)
  return failed(
    `${version} is older than ${OLDEST_NODE.join('.')}`,
    'install Node 24 from https://nodejs.org, or: nvm install 24',
  )
}

async function dataFinding({ outbox }: DataDir): Promise<Finding> {
  const folder = dirname(outbox)
  const { path, stats } = await nearest(folder)
  const mayWrite = await access(path, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  const word = shellWord(path)
  if (!stats.isDirectory()) return failed(`${path} is no folder`, `mv ${word} ${word}.old`)
  if (!mayWrite) {
    return failed(`${path} cannot be written`, `sudo chown -R "$USER" ${word}, or another --data`)
  }
  if (path !== folder) return ok(`${folder}, to be made by the first start`)
  const isOpen = process.platform !== 'win32' && (stats.mode & OTHERS) !== 0
  return isOpen
    ? warning(`${folder} can be read by others on this machine`, `chmod -R go= ${word}`)
    : ok(folder)
}

function keyFinding({ files, dataFlag }: Machine): Finding {
  const { key } = files
  const word = shellWord(key)
  const make = `infernet-agent keys${dataFlag}`
  try {
    const found = findIdentity(key, files)
    if (found === undefined)
      return warning(`there is none at ${key} yet`, `${make} makes it, and so does run`)
    return found.exposed
      ? warning(`others on this machine can read ${key}`, `chmod 600 ${word}`)
      : ok(found.identity.peer)
  } catch (error) {
    if (!(error instanceof KeyError)) throw error
    return failed(
      error.message,
      `put your backup of the key there, or: mv ${word} ${word}.old; ${make}`,
    )
  }
}

async function receiptsFinding(outbox: string): Promise<Finding> {
  const names = await readdir(outbox).catch(() => [])
  const count = (end: string): number => names.filter((name) => name.endsWith(end)).length
  const [waiting, torn] = [count('.batch'), count('.torn')]
  if (torn > 0) {
    return warning(
      `${torn} damaged by a power cut, in ${outbox}`,
      `nothing can be done for them: rm ${shellWord(outbox)}/*.torn`,
    )
  }
  return ok(waiting === 0 ? 'none wait' : `${waiting} batches wait for the edge; run delivers them`)
}

async function diskFinding({ files, freeDisk: freeAt }: Machine): Promise<Finding> {
  const { path } = await nearest(files.outbox)
  const free = await freeAt(path)
  const said = `${gib(free)} free at ${path}`
  if (free < NO_DISK_BYTES)
    return failed(said, `df -h ${shellWord(path)}, and make room: receipts get lost`)
  return free < LOW_DISK_BYTES ? warning(said, `df -h ${shellWord(path)}, and make room`) : ok(said)
}

function memoryFinding(free: number): Finding {
  const said = `${gib(free)} free`
  if (free >= LOW_MEMORY_BYTES) return ok(said)
  return warning(
    said,
    'ps aux --sort=-rss | head shows what takes it; a smaller --context helps too',
  )
}

function gpuFinding({ names, trouble }: GpusSeen): Finding {
  if (trouble !== undefined) return warning(trouble, hintFor(trouble))
  return ok(names.length === 0 ? 'none seen: engines here compute on the CPU' : names.join(', '))
}

/** The file, or the folder above it that is there. */
async function nearest(path: string): Promise<{ readonly path: string; readonly stats: Stats }> {
  try {
    return { path, stats: await stat(path) }
  } catch (error) {
    const above = dirname(path)
    if (above === path) throw error
    return nearest(above)
  }
}

const gib = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`
