import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { UpgradeError } from './upgrade-error.ts'
import { versionSchema } from './version-order.ts'

/** In the package: the program that npm and units name, in every version the same path. */
const LAUNCHER = 'infernet-agent.js'
/** Beside it, after an upgrade: the program of the version before. */
const PREVIOUS = 'previous.js'

/** An agent that npm has installed: a folder for each version, and a file that says which of them runs. */
export interface Installation {
  /** The package. */
  readonly folder: string
  /** In it, with the versions. */
  readonly lib: string
  /** Says which version runs. Whoever puts another in its place, in one step, has upgraded. */
  readonly launcher: string
  readonly previous: string
}

/** The program that runs `version`. */
export const launcherText = (version: string): string =>
  `#!/usr/bin/env node\nimport './${version}/${LAUNCHER}'\n`

/** The layout of a package's folder. */
export function layoutOf(folder: string): Installation {
  const lib = join(folder, 'lib')
  return { folder, lib, launcher: join(lib, LAUNCHER), previous: join(lib, PREVIOUS) }
}

/** The version that the program at `path` runs; undefined where there is none, or none whose folder is there. */
export function versionRunBy(path: string): string | undefined {
  if (!existsSync(path)) return undefined
  const text = readFileSync(path, 'utf8')
  const [, found] = /^import '\.\/([^/']+)\//m.exec(text) ?? []
  const { success, data } = versionSchema.safeParse(found)
  if (!success || text !== launcherText(data)) return undefined
  return existsSync(join(dirname(path), data, LAUNCHER)) ? data : undefined
}

/** The installation that the code with a file at `own` belongs to. Throws {@link UpgradeError} `not_ours`. */
export function installationWith(own: string): Installation & { readonly version: string } {
  const versionFolder = dirname(own)
  const installation = layoutOf(dirname(dirname(versionFolder)))
  if (!versionSchema.safeParse(basename(versionFolder)).success) {
    throw new UpgradeError(
      'not_ours',
      `the agent at ${versionFolder} runs from its source: upgrade it there`,
      { next: 'git pull && npm ci' },
    )
  }
  if (/\/_npx\//.test(own)) {
    throw new UpgradeError('not_ours', 'npx keeps this agent only for a while: install it first', {
      next: 'npm install --global infernet-agent',
    })
  }
  const version = versionRunBy(installation.launcher)
  if (version !== undefined) return { ...installation, version }
  throw new UpgradeError(
    'not_ours',
    `the agent in ${installation.folder} is not as npm installs it: install it again`,
    { next: 'npm install --global infernet-agent@latest' },
  )
}
