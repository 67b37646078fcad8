import {
  chmodSync,
  lchownSync,
  lstatSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { renameDurably, sync } from '../durable-file.ts'

/**
 * Has all below `root` outlast a power cut. Whoever can read the folder `like` can read it, whatever the umask here
 * is: a service has a user of its own. Where root does this for others, it is theirs.
 */
export function settleTree(root: string, like: string): void {
  const { uid, gid, mode } = statSync(like)
  const isForOthers = process.getuid?.() === 0 && uid !== 0
  const settle = (path: string): void => {
    const found = lstatSync(path)
    if (isForOthers) lchownSync(path, uid, gid)
    if (found.isDirectory()) chmodSync(path, found.mode | (mode & 0o055))
    if (found.isFile()) chmodSync(path, found.mode | (mode & 0o044))
    if (found.isDirectory()) for (const name of readdirSync(path)) settle(join(path, name))
    if (found.isDirectory() || found.isFile()) sync(path)
  }
  settle(root)
}

/** A program at `path` in one step, also where another was: a crash leaves that or this one. */
export function writeProgram(path: string, text: string): void {
  const draft = `${path}.new`
  rmSync(draft, { force: true })
  writeFileSync(draft, text)
  chmodSync(draft, 0o755)
  settleTree(draft, dirname(path))
  renameDurably(draft, path)
}
