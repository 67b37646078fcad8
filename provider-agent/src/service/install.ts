import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { findIdentity, loadIdentity } from '../identity.ts'
import type { ServicePlan } from './plan-service.ts'
import { obstacleTo, type ReadMode } from './readable.ts'
import { renderUnit, UNIT_MARK } from './render-unit.ts'
import { ServiceError } from './service-error.ts'
import type { ServiceFiles } from './service-files.ts'
import type { Systemd } from './systemd.ts'

const SECRET_MODE = 0o600
const SECRET_FOLDER_MODE = 0o700
const UNIT_MODE = 0o644

export interface Installed {
  /** The provider's name. */
  readonly peer: string
  /** False: it still starts. */
  readonly isUp: boolean
}

/**
 * Writes secrets and unit, and starts the service. `key` is a file to take the provider's key from; `data`
 * where the user's service has its own. Nothing is written when something is in the way: throws
 * {@link ServiceError}, and `KeyError`.
 */
export async function install(
  plan: ServicePlan,
  files: ServiceFiles,
  systemd: Systemd,
  options: { readonly key?: string; readonly dataRoot: string; readonly readMode: ReadMode },
): Promise<Installed> {
  const { settings, engineKey, reads } = plan
  const unit = renderUnit(settings)
  assertOurs(files.unit)
  assertReadable(reads, options.readMode)
  const root = settings.scope === 'system' ? files.secrets : options.dataRoot
  const peer = placeKey(join(root, 'agent', 'key.pem'), options.key)
  if (engineKey !== undefined) writeFile(files.engineKey, engineKey, SECRET_MODE)
  writeFile(files.unit, unit, UNIT_MODE)
  await systemd.reload()
  return { peer, isUp: await systemd.start() }
}

/** What `uninstall` has removed, and what it has left. */
export interface Uninstalled {
  readonly removed: readonly string[]
  readonly kept: readonly string[]
}

/**
 * Stops the service and removes its unit; with `purge` also `own`, its key, secrets and receipts. Throws
 * {@link ServiceError}.
 */
export async function uninstall(
  files: ServiceFiles,
  systemd: Systemd,
  options: { readonly purge: boolean; readonly own: readonly string[] },
): Promise<Uninstalled> {
  assertOurs(files.unit)
  const isThere = existsSync(files.unit)
  if (isThere) await systemd.stop()
  rmSync(files.unit, { force: true })
  if (isThere) await systemd.reload()
  const rest = options.own.filter((path) => existsSync(path))
  if (options.purge) for (const path of rest) rmSync(path, { recursive: true, force: true })
  return {
    removed: [...(isThere ? [files.unit] : []), ...(options.purge ? rest : [])],
    kept: options.purge ? [] : rest,
  }
}

/** Uses the key that is there, or takes or makes one. Never puts one in another's place. */
function placeKey(path: string, from: string | undefined): string {
  const wanted = from === undefined ? undefined : requiredKey(from)
  if (wanted !== undefined && !existsSync(path)) writeFile(path, wanted.pem, SECRET_MODE)
  const { peer } = loadIdentity(path).identity
  if (wanted === undefined || wanted.peer === peer) return peer
  throw new ServiceError(
    'taken',
    `the service has the key of ${peer} already, at ${path}: move that away first if ${wanted.peer} is to take its place`,
  )
}

function requiredKey(path: string): { readonly pem: string; readonly peer: string } {
  const found = findIdentity(path)
  if (found === undefined) throw new ServiceError('bad_options', `--key: there is no file ${path}`)
  return { pem: readFileSync(path, 'utf8'), peer: found.identity.peer }
}

function assertReadable(paths: readonly string[], readMode: ReadMode): void {
  for (const path of paths) {
    const obstacle = obstacleTo(path, readMode)
    if (obstacle === undefined) continue
    throw new ServiceError(
      'unreadable',
      obstacle.remedy === undefined
        ? `there is no ${path}: check the path`
        : `the service has a user of its own, which could not read ${path}`,
      { next: obstacle.remedy },
    )
  }
}

function assertOurs(unit: string): void {
  if (!existsSync(unit) || readFileSync(unit, 'utf8').startsWith(UNIT_MARK)) return
  throw new ServiceError('taken', `${unit} was not written by this command: move it away first`)
}

/** In one step, so that a crash leaves the old file or the new one. */
function writeFile(path: string, text: string, mode: number): void {
  const isSecret = mode === SECRET_MODE
  mkdirSync(dirname(path), { recursive: true, ...(isSecret ? { mode: SECRET_FOLDER_MODE } : {}) })
  const draft = `${path}.new`
  rmSync(draft, { force: true })
  writeFileSync(draft, text, { mode: SECRET_MODE })
  chmodSync(draft, mode)
  renameSync(draft, path)
}
