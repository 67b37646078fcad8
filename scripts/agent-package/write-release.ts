import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { OLDEST_NODE } from '@infernet/provider-agent/doctor/machine-checks'
import {
  RELEASE_FILE,
  signRelease,
  type ReleaseSigner,
} from '@infernet/provider-agent/upgrade/release'
import { AGENT_VERSION } from '@infernet/provider-agent/version'
import type { PeerId } from '@infernet/schemas/peer-id'
import { assembleAgentPackage } from './assemble.ts'

/** What a release is made of. */
export interface ReleaseOptions {
  /** Emptied first: gets the packed package, and the release beside it. */
  readonly folder: string
  readonly version?: string
  readonly signers: readonly ReleaseSigner[]
  /** Whose releases may take this one's place. */
  readonly trusted: readonly PeerId[]
  /** Where owners find this release, and later ones. */
  readonly releases: string
  readonly notes: string
  /** ms since the epoch. */
  readonly publishedAt: number
}

/** Packs the agent as a release: a folder of two files, for any web server. */
export async function writeRelease(options: ReleaseOptions): Promise<void> {
  const { folder, version = AGENT_VERSION, signers, notes, publishedAt } = options
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const files = join(folder, 'package')
  const own = { keys: [...options.trusted], releases: options.releases, published_at: publishedAt }
  await assembleAgentPackage(files, { version, own })
  execFileSync('npm', ['pack', '--silent', './package'], { cwd: folder })
  rmSync(files, { recursive: true })
  const file = `infernet-agent-${version}.tgz`
  const tarball = readFileSync(join(folder, file))
  const release = signRelease(
    {
      version,
      file,
      bytes: tarball.length,
      sha256: createHash('sha256').update(tarball).digest('hex'),
      node: [...OLDEST_NODE, 0].join('.'),
      published_at: publishedAt,
      notes,
    },
    signers,
  )
  writeFileSync(join(folder, RELEASE_FILE), release)
}
