import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { settleTree } from './durable-tree.ts'
import { layoutOf, versionRunBy, type Installation } from './installation.ts'
import { npmInstall, versionSaidBy } from './npm.ts'
import { UpgradeError } from './upgrade-error.ts'

const manifestSchema = z.object({
  version: z.string(),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
})

/**
 * Unpacks a version beside the installed one and tries it: the folder of a whole package, on the same disk, which
 * only has to be put in place. Rejects with {@link UpgradeError}.
 */
export async function stageRelease(options: {
  /** Of the package. */
  readonly tarball: string
  readonly version: string
  readonly installed: Installation & { readonly version: string }
  /** New, and nobody else's. */
  readonly folder: string
  readonly signal: AbortSignal
}): Promise<string> {
  const { tarball, version, installed, folder, signal } = options
  const prefix = join(folder, 'npm')
  mkdirSync(prefix)
  await npmInstall(tarball, prefix, { heavy: false, signal })
  const modules = join(prefix, 'node_modules')
  const unpacked = join(modules, 'infernet-agent')
  await assertIs(version, unpacked, signal)
  const isHeavy = needsOwnModules(unpacked, installed)
  if (isHeavy) await npmInstall(tarball, prefix, { heavy: true, signal })
  const staged = join(folder, 'package')
  renameSync(unpacked, staged)
  if (isHeavy) renameSync(modules, join(layoutOf(staged).lib, version, 'node_modules'))
  settleTree(staged, installed.folder)
  return staged
}

async function assertIs(version: string, unpacked: string, signal: AbortSignal): Promise<void> {
  const { launcher } = layoutOf(unpacked)
  if (versionRunBy(launcher) !== version) {
    throw new UpgradeError(
      'not_installed',
      `the package of ${version} is laid out in a way that this version does not know: install it by hand, with npm install --global infernet-agent@${version}`,
    )
  }
  const { version: found, said } = await versionSaidBy(launcher, signal)
  if (found === version || signal.aborted) return
  throw new UpgradeError(
    'not_installed',
    `${version} does not run here: ${said || `it says that it is ${found}`}. The installed version stays in place; tell the publisher`,
  )
}

/**
 * Whether the new version has to bring dependencies of its own: the owner has installed them for the present one, and
 * those that both could share are of another version.
 */
function needsOwnModules(
  unpacked: string,
  { lib, version }: Installation & { readonly version: string },
): boolean {
  const { optionalDependencies } = manifestIn(unpacked)
  return Object.entries(optionalDependencies).some(([name, wanted]) => {
    if (versionFound(name, join(lib, version)) === undefined) return false
    return versionFound(name, lib) !== wanted
  })
}

/** The version of a package, as Node finds it for code in `from`. */
function versionFound(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name)
    if (existsSync(join(found, 'package.json'))) return manifestIn(found).version
    if (folder === dirname(folder)) return undefined
  }
}

const manifestIn = (folder: string): z.infer<typeof manifestSchema> =>
  manifestSchema.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')))
