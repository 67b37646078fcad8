import type { Command } from 'commander'
import { dataDir } from '../data-dir.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { KeyError, loadIdentity } from '../identity.ts'
import { JSON_OPTION } from './control-asks.ts'
import { keyElsewhere, ownAgent } from './own-agent.ts'
import { noKey } from './own-identity.ts'

/** Adds `keys` to the program. */
export function addKeysCommand(program: Command): void {
  program
    .command('keys')
    .description('show the name of this provider, creating its key if there is none')
    .option('--data <directory>', 'where the key is kept (INFERNET_DATA)')
    .option(...JSON_OPTION)
    .action(({ data, json }: { data?: string; json?: boolean }) => {
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
    if (error instanceof KeyError) throw new OwnerError(EXIT.data, error.message)
    throw error
  }
}
