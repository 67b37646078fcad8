import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/**
 * The versions under test. A fresh install of the gateway resolves to newer hono packages with which
 * every stream fails (`TypeError: immutable`); these two are the ones of its own lockfile.
 */
const VERSIONS = {
  '@portkey-ai/gateway': '1.15.2',
  hono: '4.9.7',
  '@hono/node-server': '1.13.5',
} as const

const FOLDER = join(import.meta.dirname, '../.portkey')

/** A cold npm cache on a slow line needs a while for some 100 packages. */
const INSTALL_LIMIT_MS = 180_000

/** Thrown when Portkey's gateway cannot be brought here; its rows are then missing, loudly. */
class PortkeyUnavailable extends Error {
  readonly code = 'portkey_unavailable'
  override readonly name = 'PortkeyUnavailable'
}

/**
 * Installs Portkey's gateway once into `bench/.portkey/`, without running install scripts.
 * Returns the path of its start script.
 * @throws {PortkeyUnavailable} when npm fails or brings other versions
 */
export async function installPortkey(): Promise<string> {
  if (!(await isInstalled())) {
    await mkdir(FOLDER, { recursive: true })
    await writeFile(join(FOLDER, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`)
    await npmInstall()
    if (!(await isInstalled())) throw new PortkeyUnavailable('npm installed other versions')
  }
  return join(FOLDER, 'node_modules/@portkey-ai/gateway/build/start-server.js')
}

function manifest() {
  const { '@portkey-ai/gateway': gateway, ...overrides } = VERSIONS
  return {
    name: 'portkey-under-test',
    private: true,
    dependencies: { '@portkey-ai/gateway': gateway },
    overrides,
  }
}

async function isInstalled(): Promise<boolean> {
  for (const [name, wanted] of Object.entries(VERSIONS)) {
    try {
      const text = await readFile(join(FOLDER, 'node_modules', name, 'package.json'), 'utf8')
      if (JSON.parse(text).version !== wanted) return false
    } catch {
      return false
    }
  }
  return true
}

async function npmInstall(): Promise<void> {
  const flags = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-workspaces']
  // `npm run` names the npm it is; that may be a script that Node has to run.
  const npm = process.env['npm_execpath'] ?? 'npm'
  const isScript = /\.[cm]?js$/.test(npm)
  const command = isScript ? process.execPath : npm
  const args = isScript ? [npm, ...flags] : flags
  try {
    await promisify(execFile)(command, args, { cwd: FOLDER, timeout: INSTALL_LIMIT_MS })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PortkeyUnavailable(`npm install failed: ${reason}`)
  }
}
