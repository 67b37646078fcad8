import { chownSync, linkSync, lstatSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { isErrno } from '../../file-link.ts'

/**
 * Gives the socket that an engine has made a second name, in a folder where the engine cannot write.
 * Connecting there never follows what the engine may put in place of the first later, such as a link to
 * another program's socket. Root takes the engine's folder back too, which could fill the disk. False
 * while there is no socket.
 */
export function isAdopted(made: string, own: string): boolean {
  if (isSocket(own)) return true
  try {
    linkSync(made, own)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false
    throw error
  }
  // A link is linked itself, and not what it leads to.
  if (!isSocket(own)) {
    rmSync(own, { force: true })
    return false
  }
  if (process.getuid?.() === 0) chownSync(dirname(made), 0, 0)
  return true
}

const isSocket = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true
