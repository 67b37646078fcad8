import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AGENT_VERSION } from '@infernet/provider-agent/version'

const BUILD = fileURLToPath(new URL('../../../scripts/build-agent.ts', import.meta.url))

/** The agent as it is published: a tarball for npm. */
export interface PackedAgent {
  readonly path: string
  remove(): void
}

export function packAgent(): PackedAgent {
  const folder = mkdtempSync(join(tmpdir(), 'infernet-packed-'))
  const unpacked = join(folder, 'agent')
  execFileSync(process.execPath, [BUILD, '--out', unpacked])
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder, unpacked])
  return {
    path: join(folder, `infernet-agent-${AGENT_VERSION}.tgz`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
