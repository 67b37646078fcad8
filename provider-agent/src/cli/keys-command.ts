import type { Command } from 'commander'
import { dataDir } from '../data-dir.ts'
import { KeyError, loadIdentity } from '../identity.ts'
import { JSON_OPTION } from './control-asks.ts'
import { keyData, keyElsewhere, ownAgent } from './own-agent.ts'
import { keyFault, noKey } from './own-identity.ts'

/** Adds `keys` to the program. */
export function addKeysCommand(program: Command): void {
  program
    .command('keys')
    .description('show the name of this provider, creating its key if there is none')
    .option('--data <directory>', 'where the key is kept (INFERNET_DATA)')
    .option(...JSON_OPTION)
    .action(({ data: named, json }: { data?: string; json?: boolean }) => {
      const data = keyData(named)
      // A second name beside the service's is nothing that anybody wants by accident.
      if (keyElsewhere(ownAgent(data, process.env)) !== undefined) throw noKey(data)
      const { key } = dataDir(data, process.env)
      const { peer } = identityAt(key)
      console.log(json ? JSON.stringify({ peer, key }) : `${peer}\nkey: ${key}`)
    })
}

function identityAt(path: string): { readonly peer: string } {
  try {
    return loadIdentity(path).identity
  } catch (error) {
    if (error instanceof KeyError) throw keyFault(error)
    throw error
  }
}
