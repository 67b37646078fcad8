// Makes a bare Debian for the suite that installs the agent on a fresh machine, once:
//   node scripts/bootstrap.mjs debian-base
// Needs root, debootstrap, and the mirror that this machine's apt uses. Two to five minutes.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { debianBase, type DebianBase } from '../e2e/src/debian/debian-base.ts'

class SetupError extends Error {
  override readonly name = 'SetupError'
  readonly code = 'cannot_set_up'
}

/** Where this machine has Debian's packages from: not its security updates, nor what others publish. */
function mirror(): string {
  const debian = ['Origin: Debian', 'Label: Debian']
  const args = ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages', ...debian]
  const { stdout } = spawnSync('apt-get', args, { encoding: 'utf8' })
  const [first = ''] = (stdout ?? '').split('\n')
  if (first === '')
    throw new SetupError('apt has no Debian source, or has not read it: apt-get update')
  return first
}

/** Whole or not at all: it moves to its place when it is made. */
function make({ folder, packages, suite }: DebianBase): void {
  mkdirSync(dirname(folder), { recursive: true })
  const work = mkdtempSync(`${folder}.`)
  try {
    const root = join(work, 'root')
    const include = `--include=${packages.join(',')}`
    const { status, error } = spawnSync(
      'debootstrap',
      ['--variant=minbase', include, suite, root, mirror()],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    if (error !== undefined) throw new SetupError('apt-get install debootstrap')
    if (status !== 0) throw new SetupError('debootstrap failed; its reasons are above.')
    renameSync(root, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function main(): void {
  const base = debianBase()
  if (existsSync(base.folder)) {
    console.log(`Debian ${base.suite} is in ${base.folder}`)
    return
  }
  console.log(`Making a Debian ${base.suite} in ${base.folder}, once: two to five minutes…`)
  const begun = performance.now()
  make(base)
  console.log(`Debian: made in ${((performance.now() - begun) / 1000).toFixed(0)} s`)
}

try {
  main()
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
