import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Where the agent keeps its files. */
export interface DataDir {
  readonly key: string
  readonly outbox: string
}

/**
 * The agent's files under `--data`, else `INFERNET_DATA`, else the XDG data directory
 * (`~/.local/share/infernet`).
 */
export function dataDir(option: string | undefined, env: NodeJS.ProcessEnv): DataDir {
  const share = env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share')
  const root = resolve(option || env['INFERNET_DATA'] || join(share, 'infernet'))
  const agent = join(root, 'agent')
  return { key: join(agent, 'key.pem'), outbox: join(agent, 'outbox.db') }
}
