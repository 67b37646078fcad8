import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { isErrno } from './file-link.ts'

/**
 * Makes a folder and those above it, for their owner only. Throws what the system says. Node's own way to do so
 * never ends where the system takes no folders at all, as in `/proc`.
 */
export function makeFolder(path: string): void {
  const missing: string[] = []
  for (let at = path; !existsSync(at) && at !== dirname(at); at = dirname(at)) missing.push(at)
  for (const folder of missing.toReversed()) {
    try {
      mkdirSync(folder, { mode: 0o700 })
    } catch (error) {
      // Another process was faster.
      if (!isErrno(error, 'EEXIST')) throw error
    }
  }
}
