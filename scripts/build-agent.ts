// `npm run build:agent`: the provider agent as a package for npm, dist/agent. With `-- --release-key FILE
// --releases URL` as a signed release: dist/agent-release, a folder for a web server.
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { findIdentity } from '@infernet/provider-agent/identity'
import { releasePlace } from '@infernet/provider-agent/upgrade/release-place'
import type { ReleaseSigner } from '@infernet/provider-agent/upgrade/release'
import { AGENT_VERSION } from '@infernet/provider-agent/version'
import { isPeerId, type PeerId } from '@infernet/schemas/peer-id'
import { assembleAgentPackage } from './agent-package/assemble.ts'
import { writeRelease } from './agent-package/write-release.ts'

const DIST = join(import.meta.dirname, '..', 'dist')

const { values } = parseArgs({
  options: {
    /** Ed25519, as PEM; said again while one key takes the other's place. */
    'release-key': { type: 'string', multiple: true, default: [] },
    releases: { type: 'string' },
    /** Whose later releases the package takes, if not of those keys. */
    trust: { type: 'string', multiple: true, default: [] },
    notes: { type: 'string', default: '' },
    /** Where the package or the release goes, which is emptied first. */
    out: { type: 'string' },
  },
})
const signers = values['release-key'].map(signerAt)

if (signers.length === 0) {
  const folder = resolve(values.out ?? join(DIST, 'agent'))
  await assembleAgentPackage(folder)
  console.log(`${folder}: try it with npm pack ${folder}`)
} else {
  const folder = resolve(values.out ?? join(DIST, 'agent-release'))
  const { releases, notes } = values
  if (releases === undefined) throw new Error('--releases URL: where will owners find it?')
  releasePlace(releases)
  const named = values.trust.map(peer)
  const trusted = named.length > 0 ? named : signers.map((signer) => signer.peer)
  await writeRelease({ folder, signers, trusted, releases, notes, publishedAt: Date.now() })
  console.log(`${folder}: ${AGENT_VERSION}, signed by ${signers.map((one) => one.peer).join(', ')}`)
  console.log(`it takes later releases of ${trusted.join(', ')} from ${releases}`)
}

function signerAt(path: string): ReleaseSigner {
  const found = findIdentity(path)
  if (found === undefined) {
    throw new Error(`there is no key at ${path}: openssl genpkey -algorithm ed25519 -out ${path}`)
  }
  if (found.exposed) throw new Error(`others can read ${path}: chmod 600 ${path}`)
  return found.identity
}

function peer(text: string): PeerId {
  if (isPeerId(text)) return text
  throw new Error(`--trust ${text}: not a key's public name, 12D3KooW…`)
}
