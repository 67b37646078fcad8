import { dirname } from 'node:path'
import { shellWord } from '../doctor/shell-word.ts'
import { isHidden } from './hidden-paths.ts'

const READ = 0o4
const ENTER = 0o1

/** A file's kind and mode; undefined when it is not there. */
export type ReadMode = (
  path: string,
) => { readonly isFolder: boolean; readonly mode: number } | undefined

/** What keeps the service's user from a path, and what its owner types against it; undefined: it is not there. */
export interface Obstacle {
  readonly path: string
  readonly remedy: string | undefined
}

/**
 * What keeps a user without any rights from reading `path`. The folders above a hidden path do not
 * matter: systemd shows the path itself.
 */
export function obstacleTo(path: string, readMode: ReadMode): Obstacle | undefined {
  const found = readMode(path)
  if (found === undefined) return { path, remedy: undefined }
  const wanted = found.isFolder ? READ | ENTER : READ
  if ((found.mode & wanted) !== wanted)
    return { path, remedy: `chmod o+r${found.isFolder ? 'x' : ''} ${shellWord(path)}` }
  if (isHidden(path)) return undefined
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder))
    if (((readMode(folder)?.mode ?? 0) & ENTER) === 0)
      return { path: folder, remedy: `chmod o+x ${shellWord(folder)}` }
  return undefined
}
