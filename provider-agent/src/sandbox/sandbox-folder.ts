import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isDead, ownMark } from './agent-mark.ts'
import { SANDBOX_ID } from './sandbox-limits.ts'

const NAME = /^infernet-sandbox-(\d+-\d+)-/

/** Makes a folder that only we may enter, for what a sandbox needs outside. */
export const makeSandboxFolder = (): string =>
  mkdtempSync(join(tmpdir(), `infernet-sandbox-${ownMark()}-`))

/** Removes our folders that agents have left which are dead, as far as that is possible. */
export function sweepFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    const mark = NAME.exec(name)?.[1]
    if (mark === undefined || !isDead(mark)) continue
    const path = join(tmpdir(), name)
    try {
      // Anybody may put anything there under such a name.
      const stat = lstatSync(path)
      if (stat.isDirectory() && stat.uid === process.getuid?.()) rmSync(path, { recursive: true })
    } catch {
      // Another agent removes it too, or something in it is not ours.
    }
  }
}

const user = (name: string, uid: number, gid: number): string =>
  `${name}:x:${uid}:${gid}::/tmp:/bin/sh\n`

/** The settings that every machine has, with none of this machine's own in them. */
export function settingsFiles(uid: number, gid: number): ReadonlyMap<string, string> {
  return new Map([
    ['/etc/passwd', user('root', 0, 0) + (uid === 0 ? '' : user('infernet', uid, gid))],
    ['/etc/group', `root:x:0:\n${gid === 0 ? '' : `infernet:x:${gid}:\n`}`],
    ['/etc/hosts', '127.0.0.1 localhost sandbox\n::1 localhost\n'],
    // Docker would show the machine's.
    ['/etc/resolv.conf', ''],
    ['/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files\n'],
  ])
}

/** Writes them below `root`, with the links and empty folders that a system has. */
export function writeRoot(
  root: string,
  files: ReadonlyMap<string, string>,
  links: readonly (readonly [path: string, target: string])[],
): void {
  for (const folder of ['etc', 'usr', 'proc', 'sys', 'dev', 'tmp', 'run']) {
    mkdirSync(join(root, folder), { recursive: true, mode: 0o755 })
  }
  // Runtimes give what they mount on a folder its mode.
  chmodSync(join(root, 'tmp'), 0o1777)
  for (const [path, text] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text, { mode: 0o644 })
  }
  for (const [path, target] of links) symlinkSync(target, join(root, path))
}

export const isRoot = (): boolean => process.getuid?.() === 0

/** Who runs inside: root's sandbox drops its rights, and anybody else stays who they are. */
export function sandboxOwner(): { readonly uid: number; readonly gid: number } {
  const uid = process.getuid?.() ?? 0
  return uid === 0
    ? { uid: SANDBOX_ID, gid: SANDBOX_ID }
    : { uid, gid: process.getgid?.() ?? SANDBOX_ID }
}
