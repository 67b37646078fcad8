import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { OLDEST_NODE } from '@infernet/provider-agent/doctor/machine-checks'
import { launcherText, layoutOf } from '@infernet/provider-agent/upgrade/installation'
import {
  OWN_RELEASE,
  ownReleaseSchema,
  type OwnRelease,
} from '@infernet/provider-agent/upgrade/own-release'
import { AGENT_VERSION } from '@infernet/provider-agent/version'
import { bundleAgent, HEAVY } from './bundle.ts'
import { licencesOf, packagesIn } from './licences.ts'
import { folderOf } from './own-files.ts'

const ROOT = join(import.meta.dirname, '../..')

/** What code reads of packages that it is bundled with. */
const READ: Readonly<Record<string, readonly string[]>> = {
  '@lightningpolar/lnd-api': [
    'package.json',
    'protos/lightning.proto',
    'protos/invoicesrpc/invoices.proto',
    'protos/routerrpc/router.proto',
    'protos/stateservice.proto',
  ],
}

export interface AgentPackageOptions {
  readonly version?: string
  /** Whose releases it may be upgraded to, and where they are. */
  readonly own?: Partial<OwnRelease>
}

/**
 * Puts the agent as a package that can be packed and installed into `folder`, which is emptied first. All of a version
 * is in one folder of `lib`, and a small program beside it starts that: so `upgrade` can put one in another's place.
 */
export async function assembleAgentPackage(
  folder: string,
  { version = AGENT_VERSION, own = {} }: AgentPackageOptions = {},
): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  const { launcher, lib: versions } = layoutOf(folder)
  const lib = join(versions, version)
  const { metafile, data, packages } = await bundleAgent(lib, version)
  writeFileSync(launcher, launcherText(version), { mode: 0o755 })
  for (const { path, name } of data) copyFileSync(path, join(lib, name))
  const ownFile = join(lib, basename(OWN_RELEASE.pathname))
  writeFileSync(ownFile, `${JSON.stringify(ownReleaseSchema.parse(own), null, 2)}\n`)
  for (const name of packages) copyPackage(name, join(lib, folderOf(name)))
  for (const name of ['LICENSE', 'scripts/agent-package/README.md']) {
    copyFileSync(join(ROOT, name), join(folder, name.replace(/^.*\//, '')))
  }
  const others = [...packagesIn(metafile), ...packages.map((name) => `node_modules/${name}`)]
  writeFileSync(join(folder, 'LICENCES-OF-OTHERS.md'), licencesOf(ROOT, others))
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(version), null, 2)}\n`)
}

function copyPackage(name: string, to: string): void {
  const files = READ[name]
  if (files === undefined) throw new Error(`what of ${name} is read? Add it to READ`)
  for (const file of files) {
    mkdirSync(dirname(join(to, file)), { recursive: true })
    copyFileSync(join(ROOT, 'node_modules', name, file), join(to, file))
  }
}

interface Workspace {
  readonly license: string
  readonly dependencies: Readonly<Record<string, string>>
}

function manifest(version: string): object {
  const text = readFileSync(join(ROOT, 'provider-agent/package.json'), 'utf8')
  const { license, dependencies } = JSON.parse(text) as Workspace
  return {
    name: 'infernet-agent',
    version,
    description: 'Serves language models on this machine to an Infernet edge, for sats.',
    license,
    type: 'module',
    bin: { 'infernet-agent': 'lib/infernet-agent.js' },
    files: ['lib', 'LICENCES-OF-OTHERS.md'],
    engines: { node: `>=${OLDEST_NODE.join('.')}` },
    optionalDependencies: { [HEAVY]: dependencies[HEAVY] },
  }
}
