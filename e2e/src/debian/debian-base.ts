import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const SUITE = 'bookworm'
/** What a server has that was just rented, what llama.cpp is linked with, and what sandboxes need. */
const PACKAGES = [
  'systemd',
  'systemd-sysv',
  'dbus',
  // With it a login has a session, and a systemd of its user.
  'dbus-user-session',
  'bubblewrap',
  'ca-certificates',
  'procps',
  'libgomp1',
  'libstdc++6',
] as const

/** A Debian that nobody has logged in to yet. */
export interface DebianBase {
  readonly suite: string
  readonly packages: readonly string[]
  /** Its root directory, outside the tree, so that clones and worktrees share it. */
  readonly folder: string
}

/** Where `node scripts/bootstrap.mjs debian-base` puts it, whether it is there or not. */
export function debianBase(): DebianBase {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const named = createHash('sha256').update(PACKAGES.join()).digest('hex').slice(0, 8)
  const folder = join(cache, 'infernet', `debian-${SUITE}-${named}`)
  return { suite: SUITE, packages: PACKAGES, folder }
}

/** It takes root, too, to start it. */
export const canStart = ({ folder }: DebianBase): boolean =>
  existsSync(folder) && process.getuid?.() === 0
