import type { Dirent } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { EngineStartError } from '../engines/engine.ts'
import { ggufFacts } from '../engines/managed/gguf-facts.ts'
import { isSystemError } from '../file-link.ts'
import type { FoundFile } from './found.ts'
import type { ModelFolder } from './model-folders.ts'

/** Names that are looked at in a folder and below; a cache of hundreds of models has some thousands. */
const MAX_NAMES = 20_000
/** Files that are opened; each costs a read of a megabyte or more. */
const MAX_FILES = 64
const MAX_ID_LENGTH = 128

/** A later part of a model in several files: the first names them all. */
const LATER_PART = /-(?!00001-of)\d{5}-of-\d{5}\.gguf$/i
const FIRST_PART = /-00001-of-\d{5}$/
/** What goes beside a model: its eyes, and numbers for quantizing. */
const NO_MODEL = /mmproj|imatrix/i

/**
 * The GGUF files in these folders whose needs we can tell, each once, whatever links lead to it. Stops
 * with `signal`, with what it has; never rejects.
 */
export async function findFiles(
  folders: readonly ModelFolder[],
  signal: AbortSignal,
): Promise<FoundFile[]> {
  const listed = await Promise.all(folders.map((folder) => ggufsIn(folder, signal)))
  const found = new Map<string, FoundFile>()
  const seen = new Set<string>()
  for (const path of listed.flat().slice(0, MAX_FILES)) {
    if (signal.aborted) break
    const real = await realpath(path).catch(() => undefined)
    if (real === undefined || seen.has(real)) continue
    seen.add(real)
    const file = await fileAt(path)
    // Two files of one name are two models, of which clients could not say which they want.
    if (file !== undefined && !found.has(file.id)) found.set(file.id, file)
  }
  return [...found.values()]
}

/** A file that can be served; undefined for what is no model, or one whose needs we cannot tell. */
export async function fileAt(path: string): Promise<FoundFile | undefined> {
  try {
    const facts = await ggufFacts(path)
    return facts && { id: idOf(path), path, facts }
  } catch (error) {
    if (error instanceof EngineStartError || isSystemError(error)) return undefined
    throw error
  }
}

/** A file's name as clients may write it. */
function idOf(path: string): string {
  const name = basename(path).replace(/\.gguf$/i, '')
  const id = name.replace(FIRST_PART, '').replaceAll(/[^\w.+-]+/g, '-')
  return id.slice(0, MAX_ID_LENGTH)
}

/** Breadth first, so that what is near is found before the bound. */
async function ggufsIn({ path, depth }: ModelFolder, signal: AbortSignal): Promise<string[]> {
  const files: string[] = []
  let folders = [path]
  let names = 0
  for (let level = 0; level < depth && folders.length > 0; level++) {
    const below: string[] = []
    for (const folder of folders) {
      if (signal.aborted) return files
      for (const entry of await entriesOf(folder)) {
        if (++names > MAX_NAMES) return files
        const inside = join(folder, entry.name)
        if (entry.isDirectory() && !isHidden(entry.name)) below.push(inside)
        else if (isModelName(entry.name) && (await isFile(entry, inside))) files.push(inside)
      }
    }
    folders = below
  }
  return files
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

const isHidden = (name: string): boolean => name.startsWith('.') || name === 'node_modules'

const isModelName = (name: string): boolean =>
  /\.gguf$/i.test(name) && !LATER_PART.test(name) && !NO_MODEL.test(name)

/** In the cache of Hugging Face files are links; folders that are links may lead anywhere. */
async function isFile(entry: Dirent, path: string): Promise<boolean> {
  if (entry.isFile()) return true
  if (!entry.isSymbolicLink()) return false
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}
