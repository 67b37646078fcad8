import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The text of the audit secret in `file`, or of one that is made in `dataDir` the first time: an edge that
 * forgot its secret could not show any more that it had chosen fairly what to audit.
 */
export function auditSecretIn(file: string | undefined, dataDir: string): string {
  if (file !== undefined) return readFileSync(file, 'utf8').trim()
  const own = join(dataDir, 'edge', 'audit-secret')
  mkdirSync(join(dataDir, 'edge'), { recursive: true, mode: 0o700 })
  try {
    writeFileSync(own, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readFileSync(own, 'utf8').trim()
}
