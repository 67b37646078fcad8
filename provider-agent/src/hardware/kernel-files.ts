import { readdir, readFile, readlink } from 'node:fs/promises'
import { basename } from 'node:path'

/** What the kernel tells in files and folders. */
export interface KernelFiles {
  /**
   * What a file says, without spaces around it; undefined where there is none, or it cannot be read. A driver writes it
   * when it is asked, and one that hangs never does: nothing can take the reader's thread back.
   */
  read(path: string): Promise<string | undefined>
  /** The names in a folder; none where there is no such folder. No driver is asked. */
  list(path: string): Promise<readonly string[]>
  /** The last name of what a link leads to; undefined where there is no link. No driver is asked. */
  linked(path: string): Promise<string | undefined>
}

/** Those of this machine. */
export const kernelFiles: KernelFiles = {
  read: (path) =>
    readFile(path, 'utf8').then(
      (text) => text.trim(),
      () => undefined,
    ),
  list: (path) => readdir(path).catch(() => []),
  linked: (path) =>
    readlink(path).then(
      (target) => basename(target),
      () => undefined,
    ),
}
