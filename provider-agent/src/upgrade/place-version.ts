import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { renameDurably } from '../durable-file.ts'
import { writeProgram } from './durable-tree.ts'
import { launcherText, layoutOf, versionRunBy, type Installation } from './installation.ts'
import { UpgradeError } from './upgrade-error.ts'
import { versionSchema } from './version-order.ts'

/** Of folders that only live as long as an upgrade. */
export const STAGE_PREFIX = '.upgrade-'

/** Beside the versions, while one goes back. */
const ASIDE = 'present.js'

/** Called at each step of an upgrade: a test kills it there. */
export type AtStep = (step: 'fetched' | 'staged' | 'placed' | 'kept' | 'switched') => void

/**
 * Puts a staged package in the installed one's place. All of it is there before one rename, the last, has it run;
 * the version before stays beside it. What runs meanwhile keeps its files.
 */
export function placeVersion(
  staged: string,
  version: string,
  installed: Installation & { readonly version: string },
  atStep: AtStep,
): void {
  const { folder, lib, launcher, previous } = installed
  remove(join(lib, version))
  renameDurably(join(layoutOf(staged).lib, version), join(lib, version))
  for (const entry of readdirSync(staged, { withFileTypes: true })) {
    const { name } = entry
    if (entry.isFile()) renameDurably(join(staged, name), join(folder, name))
  }
  atStep('placed')
  writeProgram(previous, launcherText(installed.version))
  atStep('kept')
  writeProgram(launcher, launcherText(version))
  atStep('switched')
}

/** Has the version before run again, and keeps the present one in its place. Throws {@link UpgradeError} `no_previous`. */
export function goBack({ launcher, previous, lib }: Installation): {
  readonly from: string
  readonly to: string
} {
  const [from, to] = [versionRunBy(launcher), versionRunBy(previous)]
  if (from === undefined || to === undefined || from === to) {
    throw new UpgradeError(
      'no_previous',
      'there is no version before this one here: install one by hand, such as npm install --global infernet-agent@1.2.3',
    )
  }
  const aside = join(lib, ASIDE)
  writeProgram(aside, readFileSync(launcher, 'utf8'))
  renameDurably(previous, launcher)
  renameDurably(aside, previous)
  return { from, to }
}

/** Removes what killed upgrades have left, and versions that neither run nor can be gone back to. */
export function sweep({ folder, lib, launcher, previous }: Installation): void {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(STAGE_PREFIX)) remove(join(folder, name))
  }
  const present = versionRunBy(launcher)
  if (present === undefined) return
  remove(join(lib, ASIDE))
  const kept = new Set([present, versionRunBy(previous)])
  for (const name of readdirSync(lib)) {
    const isVersion = versionSchema.safeParse(name).success
    if (isVersion && !kept.has(name)) remove(join(lib, name))
  }
}

const remove = (path: string): void => rmSync(path, { recursive: true, force: true })
