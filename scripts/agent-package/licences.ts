import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'

const PACKAGE = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//

/** Of a package.json. */
interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly author?: string | { readonly name: string }
}

/** Code of others without a licence that says that it may be passed on. */
export class LicenceError extends Error {
  override readonly name = 'LicenceError'
  readonly code = 'licence'
}

/** Those that ask for no more than that their text comes along. */
const PERMISSIVE = /^(MIT|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0|BlueOak-1\.0\.0|Python-2\.0)$/

/** The folders, relative to `root`, of the packages that a bundle holds code of. */
export function packagesIn({ outputs }: Metafile): string[] {
  const inputs = Object.values(outputs).flatMap((output) =>
    Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [path] : [],
    ),
  )
  const folders = inputs.flatMap((path) => PACKAGE.exec(path)?.[1] ?? [])
  return [...new Set(folders)].toSorted()
}

/** One text with the licences of the packages in `folders`. Throws {@link LicenceError}. */
export function licencesOf(root: string, folders: readonly string[]): string {
  const texts = folders.map((folder) => {
    const manifest = readFileSync(join(root, folder, 'package.json'), 'utf8')
    const { name, version, license = 'no licence', author } = JSON.parse(manifest) as Manifest
    if (!PERMISSIVE.test(license)) {
      throw new LicenceError(`${name} is under ${license}: may the agent's package hold its code?`)
    }
    const [file] = globSync('{LICEN[SC]E,licen[sc]e}*', { cwd: join(root, folder) })
    const text =
      file === undefined
        ? `By ${typeof author === 'object' ? author.name : (author ?? 'its authors')}; the package has no text of the licence.`
        : readFileSync(join(root, folder, file), 'utf8').trim()
    return `## ${name} ${version}\n\n${license}\n\n\`\`\`\n${text}\n\`\`\`\n`
  })
  return `# Licences of others\n\nThis package holds code of these.\n\n${texts.join('\n')}`
}
