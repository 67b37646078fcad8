import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launcherText, layoutOf, type Installation } from '../installation.ts'
import { RELEASE_FILE, signRelease, type Release, type ReleaseSigner } from '../release.ts'

interface SmallPackage {
  readonly program?: string
  /** More of its package.json. */
  readonly manifest?: object
}

/** A package that is laid out as the agent's, and only says its version. */
function writePackage(
  folder: string,
  version: string,
  { program = saying(version), manifest: more = {} }: SmallPackage = {},
): void {
  const { lib, launcher } = layoutOf(folder)
  mkdirSync(join(lib, version), { recursive: true })
  const bin = 'lib/infernet-agent.js'
  const manifest = { name: 'infernet-agent', version, type: 'module', bin, ...more }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  writeFileSync(launcher, launcherText(version), { mode: 0o755 })
  writeFileSync(join(lib, version, 'infernet-agent.js'), program)
}

export const saying = (version: string): string =>
  `console.log(JSON.stringify({ version: '${version}', args: process.argv.slice(2) }))`

/** As npm would have put it there. */
export function smallInstallation(version: string): Installation & { readonly version: string } {
  const folder = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'node_modules', 'infernet-agent')
  writePackage(folder, version)
  return { ...layoutOf(folder), version }
}

/** A folder with a release of such a package. */
export function smallRelease(
  signers: readonly ReleaseSigner[],
  version: string,
  more: SmallPackage & { readonly said?: Partial<Release> } = {},
): { readonly path: string; readonly bytes: Uint8Array } {
  const path = mkdtempSync(join(tmpdir(), 'infernet-'))
  writePackage(join(path, 'package'), version, more)
  const file = `infernet-agent-${version}.tgz`
  execFileSync('tar', ['czf', file, 'package'], { cwd: path })
  const tarball = readFileSync(join(path, file))
  const bytes = signRelease(
    {
      version,
      file,
      bytes: tarball.length,
      sha256: createHash('sha256').update(tarball).digest('hex'),
      node: '20.12.0',
      published_at: 2_000,
      notes: 'What is new:\nmuch.',
      ...more.said,
    },
    signers,
  )
  writeFileSync(join(path, RELEASE_FILE), bytes)
  return { path, bytes }
}
