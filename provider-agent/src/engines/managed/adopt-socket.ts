import { chownSync, linkSync, lstatSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { isErrno } from '../../file-link.ts'
import { isRoot } from '../../sandbox/sandbox-folder.ts'

/** What the engine's folder says where it takes the socket away meanwhile, or keeps us out. */
const NOT_NOW = ['ENOENT', 'EPERM', 'EACCES']

/**
 * Gives the socket that an engine has made a second name, in a folder where the engine cannot write.
 * Connecting there never follows what the engine may put in place of the first later, such as a link to
 * another program's socket. Root takes the engine's folder back too, which could fill the disk. False
 * while there is no socket.
 */
export function isAdopted(made: string, own: string): boolean {
  if (isSocket(own)) return true
  try {
    // A folder cannot be linked.
    if (!isSocket(made)) return false
    linkSync(made, own)
  } catch (error) {
    if (NOT_NOW.some((code) => isErrno(error, code))) return false
    throw error
  }
  // A link is linked itself, and not what it leads to.
  if (!isSocket(own)) {
    rmSync(own, { force: true })
    return false
  }
  if (isRoot()) chownSync(dirname(made), 0, 0)
  return true
}

const isSocket = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true
