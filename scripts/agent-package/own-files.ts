// Files that code finds beside itself. Bundled, it lies somewhere else: what it names has to move with it.
import { basename, dirname, join } from 'node:path'

/** A file that bundled code wants beside it. */
export interface OwnFile {
  /** Where it is now, absolute. */
  readonly path: string
  /** In the folder of the bundle. */
  readonly name: string
}

/** Code names a file in a way that would not be found from a bundle. */
export class OwnFileError extends Error {
  override readonly name = 'OwnFileError'
  readonly code = 'own_file'
}

const BESIDE = /new URL\(\s*'([^']+)',\s*import\.meta\.url,?\s*\)/g
const MANIFEST = /createRequire\(import\.meta\.url\)\.resolve\('([^']+)\/package\.json'\)/g

/**
 * The source at `path` as it belongs into a bundle where all files lie in one folder, and the files
 * that it names: `new URL('file', import.meta.url)`, of which `.ts` becomes a program of its own, and
 * the folder of a package by its manifest. Throws {@link OwnFileError} for any other `import.meta`.
 */
export function moveOwnFiles(
  path: string,
  source: string,
): {
  readonly text: string
  readonly files: readonly OwnFile[]
  readonly packages: readonly string[]
} {
  const files: OwnFile[] = []
  const packages: string[] = []
  const text = source
    .replaceAll(BESIDE, (_found, relative: string) => {
      const file = ownFile(join(dirname(path), relative))
      files.push(file)
      return `new URL('${file.name}', OWN_URL)`
    })
    .replaceAll(MANIFEST, (_found, name: string) => {
      packages.push(name)
      return `createRequire(OWN_URL).resolve('./${folderOf(name)}/package.json')`
    })
  const left = /import\.meta\b.*/.exec(text)
  if (left !== null) {
    throw new OwnFileError(
      `${path}: a bundle cannot follow '${left[0]}': write new URL('file', import.meta.url)`,
    )
  }
  return { text: text.replaceAll('OWN_URL', 'import.meta.url'), files, packages }
}

/** The folder that a package's files get beside the bundle. */
export const folderOf = (name: string): string => basename(name)

/** Programs of several folders are called alike. */
function ownFile(path: string): OwnFile {
  const name = basename(path)
  if (!name.endsWith('.ts')) return { path, name }
  return { path, name: `${basename(dirname(path))}-${name.replace(/\.ts$/, '.js')}` }
}
