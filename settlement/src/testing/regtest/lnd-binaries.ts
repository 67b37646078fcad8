import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The Go module that pins LND, btcd and what they are built from. */
export const LND_MODULE = join(import.meta.dirname, '../../../../e2e/lnd')

export interface LndBinaries {
  /** For instance `0.21.2-beta`. */
  readonly version: string
  /** Outside the tree, so that clones and worktrees share it. */
  readonly folder: string
  readonly lnd: string
  readonly btcd: string
}

/** Where `node scripts/bootstrap.mjs lnd-tools` puts the programs, whether they are there or not. */
export function lndBinaries(): LndBinaries {
  const manifest = readFileSync(join(LND_MODULE, 'go.mod'), 'utf8')
  const [, version] = /lightningnetwork\/lnd v(\S+)/.exec(manifest) ?? []
  if (version === undefined) throw new Error(`${LND_MODULE}/go.mod names no version of LND`)
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const folder = join(cache, 'infernet', `lnd-${version}`)
  return { version, folder, lnd: join(folder, 'lnd'), btcd: join(folder, 'btcd') }
}

export const areBuilt = ({ lnd, btcd }: LndBinaries): boolean => existsSync(lnd) && existsSync(btcd)
