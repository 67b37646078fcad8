import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lockDirectory } from '../../edge/src/hosts/node/directory-lock.ts'
import { StartError } from './options.ts'

/** Where `npm start` keeps everything. */
export interface StateDir {
  readonly root: string
  readonly database: string
  readonly operatorToken: string
  /** What the settler shows the edge. */
  readonly settlerToken: string
  /** Master keys of L402 tokens. */
  readonly l402Keys: string
  /** Of the simulated network; a folder per node. */
  readonly lightning: string
  /** What preimages are derived from. */
  readonly settlerKey: string
  readonly demo: string
  /** The edge's Node host, bundled anew at each start. */
  readonly edgeBundle: string
  logOf(name: string): string
}

/** All that `--fresh` deletes; never the directory itself, which may be anyone's. */
const CONTENTS = [
  'database',
  'edge',
  'workerd',
  'wrangler',
  'agent',
  'lightning',
  'settler-token',
  'settler-key',
  'l402-keys',
  'build',
  'logs',
  'operator-token',
  'demo.json',
]

/**
 * Takes the directory for this process, empties it if asked, and makes what every start needs.
 * Throws {@link StartError} when another `npm start` works in it.
 */
export function openStateDir(root: string, fresh: boolean): StateDir {
  try {
    lockDirectory(join(root, 'lock'))
  } catch {
    throw new StartError(
      `Another npm start works in ${root}. Stop it, or keep this one elsewhere: npm start -- --data OTHER_DIR`,
    )
  }
  if (fresh) for (const name of CONTENTS) rmSync(join(root, name), { recursive: true, force: true })
  mkdirSync(join(root, 'logs'), { recursive: true })
  const operatorToken = join(root, 'operator-token')
  const settlerToken = join(root, 'settler-token')
  const l402Keys = join(root, 'l402-keys')
  for (const path of [operatorToken, settlerToken])
    createOnce(path, `${randomBytes(32).toString('base64url')}\n`)
  createOnce(l402Keys, `${randomBytes(32).toString('hex')}\n`)
  return {
    root,
    database: join(root, 'database'),
    operatorToken,
    settlerToken,
    l402Keys,
    lightning: join(root, 'lightning'),
    settlerKey: join(root, 'settler-key'),
    demo: join(root, 'demo.json'),
    edgeBundle: join(root, 'build', 'edge.mjs'),
    logOf: (name) => join(root, 'logs', `${name}.log`),
  }
}

function createOnce(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}
