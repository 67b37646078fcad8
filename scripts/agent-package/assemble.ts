import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { OLDEST_NODE } from '@infernet/provider-agent/doctor/machine-checks'
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

/** Puts the agent as a package that can be packed and installed into `folder`, which is emptied first. */
export async function assembleAgentPackage(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  const lib = join(folder, 'lib')
  const { metafile, data, packages } = await bundleAgent(lib)
  for (const { path, name } of data) copyFileSync(path, join(lib, name))
  for (const name of packages) copyPackage(name, join(lib, folderOf(name)))
  for (const name of ['LICENSE', 'scripts/agent-package/README.md']) {
    copyFileSync(join(ROOT, name), join(folder, name.replace(/^.*\//, '')))
  }
  const others = [...packagesIn(metafile), ...packages.map((name) => `node_modules/${name}`)]
  writeFileSync(join(folder, 'LICENCES-OF-OTHERS.md'), licencesOf(ROOT, others))
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`)
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

function manifest(): object {
  const text = readFileSync(join(ROOT, 'provider-agent/package.json'), 'utf8')
  const { license, dependencies } = JSON.parse(text) as Workspace
  return {
    name: 'infernet-agent',
    version: AGENT_VERSION,
    description: 'Serves language models on this machine to an Infernet edge, for sats.',
    license,
    type: 'module',
    bin: { 'infernet-agent': 'lib/infernet-agent.js' },
    files: ['lib', 'LICENCES-OF-OTHERS.md'],
    engines: { node: `>=${OLDEST_NODE.join('.')}` },
    optionalDependencies: { [HEAVY]: dependencies[HEAVY] },
  }
}
