import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/**
 * Takes `lockFile` for this process alone and returns its release. It is SQLite's file lock, which
 * the kernel holds, so it also ends with a process that was killed. Throws when another has it.
 */
export function lockDirectory(lockFile: string): () => void {
  mkdirSync(dirname(lockFile), { recursive: true, mode: 0o700 })
  const lock = new DatabaseSync(lockFile)
  try {
    lock.exec('pragma locking_mode = exclusive; begin exclusive')
  } catch (cause) {
    lock.close()
    throw new Error(`Another process works in ${dirname(lockFile)}`, { cause })
  }
  return () => lock.close()
}
