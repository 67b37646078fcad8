import { readdir, readFile } from 'node:fs/promises'

/** What the kernel tells in files. They are not waited for where everything else waits: a card that hangs keeps its readers. */
export interface KernelFiles {
  /** What a file says, without spaces around it; undefined where there is none, or it cannot be read. */
  read(path: string): Promise<string | undefined>
  /** The names in a folder; none where there is no such folder. */
  list(path: string): Promise<readonly string[]>
}

/** Those of this machine. */
export const kernelFiles: KernelFiles = {
  read: (path) =>
    readFile(path, 'utf8').then(
      (text) => text.trim(),
      () => undefined,
    ),
  list: (path) => readdir(path).catch(() => []),
}
