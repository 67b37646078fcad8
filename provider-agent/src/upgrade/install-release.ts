import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { ControlError } from '../control/control-error.ts'
import { listenAt } from '../control/control-socket.ts'
import { errorMessage } from '../error-message.ts'
import { isErrno, isSystemError } from '../file-link.ts'
import { fetchPackage } from './fetch-release.ts'
import { versionRunBy, type Installation } from './installation.ts'
import { placeVersion, STAGE_PREFIX, sweep, type AtStep } from './place-version.ts'
import type { Release } from './release.ts'
import type { ReleasePlace } from './release-place.ts'
import { stageRelease } from './stage-release.ts'
import { UpgradeError } from './upgrade-error.ts'

/**
 * Has a release run from now on: fetches, checks, unpacks, tries and places it. Until its last step the installed
 * version is as it was; agents that run keep theirs until they end, and `sweep` is for after that. Rejects with
 * {@link UpgradeError}.
 */
export async function installRelease(options: {
  /** Its signature is good, and it may take the installed one's place. */
  readonly release: Release
  readonly place: ReleasePlace
  readonly installed: Installation & { readonly version: string }
  readonly signal: AbortSignal
  readonly atStep?: AtStep
  /** What it is doing, for people. */
  readonly onProgress?: (doing: string) => void
}): Promise<void> {
  const { release, place, installed, signal, atStep = () => {}, onProgress } = options
  const { version } = release
  await alone(installed, async () => {
    if (versionRunBy(installed.launcher) !== installed.version) {
      throw new UpgradeError('busy', 'the agent was upgraded meanwhile: say it again')
    }
    sweep(installed)
    const folder = mkdtempSync(join(installed.folder, STAGE_PREFIX))
    try {
      const tarball = join(folder, release.file)
      onProgress?.(`fetching ${version}`)
      await fetchPackage(place, release, tarball, signal)
      atStep('fetched')
      onProgress?.(`trying ${version}`)
      const staged = await stageRelease({ tarball, version, installed, folder, signal })
      signal.throwIfAborted()
      atStep('staged')
      placeVersion(staged, version, installed, atStep)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

/** One at a time changes an installation. Rejects with {@link UpgradeError}: `busy`, or `not_installed` for who may not. */
export async function alone<T>({ folder }: Installation, work: () => Promise<T> | T): Promise<T> {
  const server = createServer()
  try {
    const remove = await lock(server, join(folder, '.upgrade.sock'))
    try {
      return await work()
    } finally {
      remove()
    }
  } catch (cause) {
    if (REASONS.some((reason) => isErrno(cause, reason))) throw mayNot(folder, cause)
    throw cause
  } finally {
    server.close()
  }
}

const REASONS = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC']

/** A kill frees it by itself. Where the path is too long for a socket, the owner has to see to it. */
async function lock(server: Server, path: string): Promise<() => void> {
  try {
    return await listenAt(server, path)
  } catch (cause) {
    if (!(cause instanceof ControlError)) throw cause
    if (cause.code === 'already_running') {
      throw new UpgradeError('busy', 'an upgrade of this agent is under way: wait for its end')
    }
    if (isSystemError(cause.cause)) throw cause.cause
    return () => {}
  }
}

function mayNot(folder: string, cause: unknown): UpgradeError {
  const reason = errorMessage(cause)
  const remedy = isErrno(cause, 'ENOSPC')
    ? 'Make room, then say it again'
    : 'Say it again as the user whose it is, such as with sudo'
  return new UpgradeError(
    'not_installed',
    `cannot write to ${folder}: ${reason}. ${remedy}; the installed version stays`,
    { cause },
  )
}
